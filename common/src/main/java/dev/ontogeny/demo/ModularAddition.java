package dev.ontogeny.demo;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.Seeds;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.AdamUpdater;
import org.nd4j.linalg.learning.config.Adam;

/**
 * A small network that learns to add modulo p, trained with ND4J: the studied network of the
 * demonstration. It memorises its training pairs first and generalises later, as Fourier features
 * of single frequencies form one after another (Nanda et al., arXiv 2301.05217; the squared
 * activation and the loss follow Tian, arXiv 2509.21519).
 *
 * <p>For a pair (a, b): hidden z = (W_a[a] + W_b[b])², elementwise, [hidden]; logits = z V, [p];
 * loss = mean over the training pairs of ‖logits − (onehot(a + b mod p) − 1/p)‖², plus weightDecay
 * / 2 · ‖weights‖². Full batches, Adam. Not safe for several threads.
 */
public final class ModularAddition implements AutoCloseable {
  private final Settings settings;
  private final boolean[] training;
  private final INDArray allPairs;
  private final INDArray trainPairs;
  private final INDArray targets;
  private final INDArray[] weights;
  private final INDArray[] gradients;
  private final AdamUpdater[] updaters;
  private final INDArray sums;
  private final INDArray hidden;
  private final INDArray residual;
  private final INDArray backwards;
  private int epoch;

  /**
   * What to train.
   *
   * @param modulus p, odd
   * @param hidden neurons
   * @param trainShare share of the p² pairs that is trained on
   * @param weightDecay of the gradient, before Adam
   */
  public record Settings(
      long seed,
      int modulus,
      int hidden,
      double trainShare,
      double learningRate,
      double weightDecay) {
    public Settings {
      new Problems()
          .check(
              modulus >= 3 && modulus % 2 == 1,
              "modulus",
              "must be odd, from 3 on, got %d",
              modulus)
          .atLeast("hidden", hidden, 1)
          .check(
              trainShare > 0 && trainShare < 1,
              "train-share",
              "must be above 0 and below 1, got %s",
              trainShare)
          .check(learningRate > 0, "learning-rate", "must be positive, got %s", learningRate)
          .atLeast("weight-decay", weightDecay, 0)
          .raise();
    }
  }

  /** A fresh network. */
  public ModularAddition(Settings settings) {
    this.settings = settings;
    int p = settings.modulus;
    training = trainingPairs();
    int count = 0;
    for (boolean each : training) {
      count += each ? 1 : 0;
    }
    allPairs = fresh(p * p, 2 * p);
    allPairs.assign(0);
    trainPairs = fresh(count, 2 * p);
    trainPairs.assign(0);
    targets = fresh(count, p);
    targets.assign(-1.0 / p);
    int row = 0;
    for (int pair = 0; pair < p * p; pair++) {
      allPairs.putScalar(pair, pair / p, 1);
      allPairs.putScalar(pair, p + pair % p, 1);
      if (training[pair]) {
        trainPairs.putScalar(row, pair / p, 1);
        trainPairs.putScalar(row, p + pair % p, 1);
        targets.putScalar(row++, sum(pair), 1 - 1.0 / p);
      }
    }
    weights =
        new INDArray[] {
          random("input", 2 * p, settings.hidden), random("output", settings.hidden, p)
        };
    gradients = new INDArray[weights.length];
    updaters = new AdamUpdater[weights.length];
    for (int i = 0; i < weights.length; i++) {
      gradients[i] = fresh(weights[i].rows(), weights[i].columns());
      updaters[i] = new AdamUpdater(new Adam(settings.learningRate));
      updaters[i].setStateViewArray(
          Nd4j.zeros(DataType.FLOAT, 1, 2 * weights[i].length()), weights[i].shape(), 'f', true);
    }
    sums = fresh(count, settings.hidden);
    hidden = fresh(count, settings.hidden);
    residual = fresh(count, p);
    backwards = fresh(count, settings.hidden);
  }

  /** Goes on for some epochs. */
  public void train(int epochs) {
    for (int i = 0; i < epochs; i++) {
      computeGradients();
      for (int w = 0; w < weights.length; w++) {
        updaters[w].applyUpdater(gradients[w], epoch, epoch);
        weights[w].subi(gradients[w]);
      }
      epoch++;
    }
  }

  /** Epochs trained so far. */
  public int epoch() {
    return epoch;
  }

  /** The loss on the training pairs; leaves the gradients behind. */
  double computeGradients() {
    double perPair = 1.0 / trainPairs.rows();
    trainPairs.mmuli(weights[0], sums);
    hidden.assign(sums).muli(sums);
    hidden.mmuli(weights[1], residual);
    residual.subi(targets);
    double loss = residual.norm2Number().doubleValue();
    residual.muli(2 * perPair);
    hidden.transpose().mmuli(residual, gradients[1]);
    residual.mmuli(weights[1].transpose(), backwards);
    backwards.muli(sums).muli(2);
    trainPairs.transpose().mmuli(backwards, gradients[0]);
    double decay = 0;
    for (int w = 0; w < weights.length; w++) {
      Nd4j.getBlasWrapper()
          .level1()
          .axpy(weights[w].length(), settings.weightDecay, weights[w], gradients[w]);
      decay += Math.pow(weights[w].norm2Number().doubleValue(), 2);
    }
    return loss * loss * perPair + settings.weightDecay / 2 * decay;
  }

  /** W_a above W_b, [2p, hidden], and V, [hidden, p]: the network's own arrays. */
  INDArray[] weights() {
    return weights;
  }

  /** After {@link #computeGradients}, in the order of {@link #weights}. */
  INDArray[] gradients() {
    return gradients;
  }

  INDArray trainPairs() {
    return trainPairs;
  }

  INDArray targets() {
    return targets;
  }

  /**
   * What the network holds now.
   *
   * @param hidden activations z of all pairs, [p², hidden]; row a·p + b
   * @param trainAccuracy share of the training pairs that it adds rightly
   * @param testAccuracy likewise of all others
   */
  public record State(int epoch, FloatMatrix hidden, double trainAccuracy, double testAccuracy) {}

  /** The network as it is now, copied. */
  public State state() {
    int p = settings.modulus;
    try (INDArray z = fresh(p * p, settings.hidden);
        INDArray logits = fresh(p * p, p)) {
      allPairs.mmuli(weights[0], z);
      z.muli(z);
      z.mmuli(weights[1], logits);
      int[] right = new int[2];
      int[] all = new int[2];
      try (INDArray chosen = logits.argMax(1)) {
        for (int pair = 0; pair < p * p; pair++) {
          int side = training[pair] ? 1 : 0;
          all[side]++;
          right[side] += chosen.getInt(pair) == sum(pair) ? 1 : 0;
        }
      }
      try (INDArray byRow = z.dup('c')) {
        return new State(
            epoch,
            new FloatMatrix(p * p, settings.hidden, byRow.data().asFloat()),
            right[1] / (double) all[1],
            right[0] / (double) all[0]);
      }
    }
  }

  /** Whether the pair was trained on. */
  public boolean trainedOn(int a, int b) {
    return training[a * settings.modulus + b];
  }

  private int sum(int pair) {
    return (pair / settings.modulus + pair % settings.modulus) % settings.modulus;
  }

  private boolean[] trainingPairs() {
    int pairs = settings.modulus * settings.modulus;
    int[] order = new int[pairs];
    SplittableRandom random = new SplittableRandom(Seeds.of(settings.seed, "addition", "split"));
    for (int i = 0; i < pairs; i++) {
      int at = random.nextInt(i + 1);
      order[i] = order[at];
      order[at] = i;
    }
    boolean[] chosen = new boolean[pairs];
    for (int i = 0; i < Math.max(1, (int) (settings.trainShare * pairs)); i++) {
      chosen[order[i]] = true;
    }
    return chosen;
  }

  /** Normal, of variance one over the number of rows. */
  private INDArray random(String purpose, int rows, int columns) {
    var generator = Seeds.generator(settings.seed, "addition", purpose);
    INDArray array = fresh(rows, columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        array.putScalar(i, j, generator.nextGaussian() / Math.sqrt(rows));
      }
    }
    return array;
  }

  /** In column order: products into rows would be made in columns and copied over. */
  private static INDArray fresh(int rows, int columns) {
    return Nd4j.createUninitialized(DataType.FLOAT, new long[] {rows, columns}, 'f');
  }

  @Override
  public void close() {
    for (INDArray[] arrays :
        new INDArray[][] {
          weights, gradients, {allPairs, trainPairs, targets, sums, hidden, residual, backwards}
        }) {
      for (INDArray each : arrays) {
        each.close();
      }
    }
  }
}
