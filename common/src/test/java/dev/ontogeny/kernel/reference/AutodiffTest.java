package dev.ontogeny.kernel.reference;

import static dev.ontogeny.kernel.KernelFixture.FULL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelFixture.Sources;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.FurtherCode;
import dev.ontogeny.type.Penalty;
import dev.ontogeny.type.Reconstruction.Prefixes;
import dev.ontogeny.type.Selection.AboveThreshold;
import dev.ontogeny.type.TypeSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The gradients against SameDiff's, which knows the forward pass only. */
final class AutodiffTest {
  private static final int ROWS = 17;
  private static final int INPUTS = 9;
  private static final int WIDTH = 31;
  private static final int K = 4;

  static Stream<Arguments> kinds() {
    return KernelFixture.kinds(K, INPUTS, WIDTH).stream()
        .map(each -> Arguments.of(each.type(), each.sources()));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void gradientsEqualThoseOfAutomaticDifferentiation(TypeSettings type, Sources sources) {
    Dictionary dictionary = KernelFixture.dictionary(type, INPUTS, WIDTH, sources, 51);
    FloatMatrix batch = KernelFixture.batch(ROWS, INPUTS, 52);
    ReferenceTraining kernel =
        new ReferenceTraining(KernelFixture.specification(type, WIDTH, 0, 0, 100), dictionary);
    StepLosses losses = kernel.gradients(batch, FULL);

    INDArray scaled = matrix(batch.values(), ROWS, INPUTS);
    scaled.subiRowVector(matrix(dictionary.inputMean(), 1, INPUTS));
    scaled.muliRowVector(matrix(dictionary.columnScale(), 1, INPUTS));
    // 1 in the columns that are read and in those that are reconstructed, 0 elsewhere.
    INDArray read = ones(0, dictionary.readColumns());
    INDArray written = ones(INPUTS - dictionary.reconstructedColumns(), INPUTS);
    INDArray deviation = scaled.subRowVector(scaled.mean(true, 0)).muliRowVector(written);
    double variance = deviation.mul(deviation).sumNumber().doubleValue();

    SameDiff graph = SameDiff.create();
    SDVariable encoder =
        graph
            .var("W_enc", matrix(dictionary.encoder().values(), INPUTS, WIDTH))
            .mul(graph.constant(read.transpose().dup('c')));
    SDVariable encoderBias = graph.var("b_enc", matrix(dictionary.encoderBias(), 1, WIDTH));
    SDVariable decoder =
        graph
            .var("W_dec", matrix(dictionary.decoder().values(), WIDTH, INPUTS))
            .mul(graph.constant(written));
    SDVariable decoderBias =
        graph
            .var("b_dec", matrix(dictionary.decoderBias(), 1, INPUTS))
            .mul(graph.constant(written));
    List<String> names = new ArrayList<>(List.of("W_enc", "b_enc", "W_dec", "b_dec"));
    SDVariable rows = graph.constant("x", scaled);
    SDVariable pre = rows.sub(decoderBias).mmul(encoder).add(encoderBias);
    List<Part> parts = parts(dictionary);
    List<SDVariable> codes = new ArrayList<>();
    for (Part part : parts) {
      codes.add(pre.mul(graph.constant(fires(kernel.lastCodes(), part.bars))));
    }
    SDVariable fires = graph.constant("fires", fires(kernel.lastCodes(), parts.get(0).bars));
    if (type.selection() instanceof AboveThreshold jump) {
      // A variable that is zero and has the slope of the rectangle.
      INDArray logarithms = Nd4j.create(DataType.DOUBLE, 1, WIDTH);
      for (int latent = 0; latent < WIDTH; latent++) {
        logarithms.putScalar(0, latent, (float) Math.log(dictionary.threshold()[latent]));
      }
      SDVariable shift =
          graph.var("log_threshold", logarithms).sub(graph.constant(logarithms.dup()));
      names.add("log_threshold");
      INDArray theta = matrix(dictionary.threshold(), 1, WIDTH);
      for (int p = 0; p < parts.size(); p++) {
        INDArray scale = matrix(parts.get(p).scale, 1, WIDTH);
        INDArray window =
            window(jump, dictionary.threshold(), kernel.lastPreActivations(), parts.get(p).scale);
        fires =
            fires.add(
                shift.mul(graph.constant(window.mulRowVector(theta).divi(-jump.bandwidth()))));
        SDVariable ofCode =
            shift.mul(
                graph.constant(
                    window
                        .mulRowVector(theta)
                        .muliRowVector(theta)
                        .diviRowVector(scale)
                        .divi(-jump.bandwidth())));
        codes.set(p, codes.get(p).add(ofCode));
      }
    }
    SDVariable loss = null;
    for (int m = 0; m < prefixes(type).size(); m++) {
      SDVariable residual = rows.sub(decoderBias).mul(graph.constant(written));
      for (int p = 0; p < parts.size(); p++) {
        INDArray counted = parts.get(p).columns.mul(below(prefixes(type).get(m)));
        residual = residual.sub(codes.get(p).mmul(decoder.mul(graph.constant(counted))));
      }
      SDVariable ofPrefix = residual.mul(residual).sum().mul(weights(type).get(m) / variance);
      loss = loss == null ? ofPrefix : loss.add(ofPrefix);
    }
    SDVariable code = codes.get(0);
    if (type.furtherCode().isPresent()) {
      FurtherCode further = type.furtherCode().get();
      float[][] more = new float[ROWS][];
      for (int row = 0; row < ROWS; row++) {
        float[] values = kernel.lastPreActivations()[row].clone();
        boolean[] chosen = ReferenceSelection.largest(values, further.k(), latent -> true);
        for (int latent = 0; latent < WIDTH; latent++) {
          values[latent] = chosen[latent] ? values[latent] : 0;
        }
        more[row] = values;
      }
      SDVariable left =
          rows.sub(
                  pre.mul(graph.constant("more", fires(more, new float[WIDTH])))
                      .mmul(decoder)
                      .add(decoderBias))
              .mul(graph.constant(written));
      loss = loss.add(left.mul(left).sum().mul(further.weight() / variance));
    }
    if (type.codePenalty().isPresent()) {
      List<SDVariable> paid = new ArrayList<>();
      for (int p = 0; p < parts.size(); p++) {
        Part part = parts.get(p);
        paid.add(codes.get(p).mul(norms(graph, dictionary, decoder, part.from, part.to)));
      }
      loss = loss.add(penalty(type.codePenalty().get(), graph, code, paid, fires, variance));
    }
    loss.markAsLoss();
    Map<String, INDArray> expected =
        graph.calculateGradients(Map.of(), names.toArray(new String[0]));

    assertThat(losses.loss()).isCloseTo(loss.eval().getDouble(0), within(1e-6));
    assertThat(kernel.lastGradients().keySet()).containsExactlyInAnyOrderElementsOf(names);
    kernel
        .lastGradients()
        .forEach(
            (name, gradient) ->
                assertThat(gradient)
                    .as(name)
                    .containsExactly(expected.get(name).dup('c').data().asDouble(), within(3e-6)));
  }

  /** A row of zeros with ones from … to. */
  private static INDArray ones(int from, int to) {
    INDArray row = Nd4j.zeros(DataType.DOUBLE, 1, INPUTS);
    for (int i = from; i < to; i++) {
      row.putScalar(0, i, 1);
    }
    return row;
  }

  private static List<Integer> prefixes(TypeSettings type) {
    return type.reconstruction(WIDTH) instanceof Prefixes prefixes
        ? prefixes.ends()
        : List.of(WIDTH);
  }

  private static List<Double> weights(TypeSettings type) {
    return type.reconstruction(WIDTH) instanceof Prefixes prefixes
        ? prefixes.weights()
        : List.of(1.0);
  }

  /** 1 in the rows of the latents below an end, [F, D]. */
  private static INDArray below(int end) {
    INDArray below = Nd4j.zeros(DataType.DOUBLE, WIDTH, INPUTS);
    for (int latent = 0; latent < end; latent++) {
      for (int i = 0; i < INPUTS; i++) {
        below.putScalar(latent, i, 1);
      }
    }
    return below;
  }

  /**
   * @param paid f‖d‖ of every part
   */
  private static SDVariable penalty(
      Penalty penalty,
      SameDiff graph,
      SDVariable code,
      List<SDVariable> paid,
      SDVariable fires,
      double variance) {
    double coefficient = penalty.coefficient();
    if (penalty instanceof Penalty.Sum sum) {
      return (sum.byNorm() ? paid.get(0) : code).sum().mul(coefficient / variance);
    } else if (penalty instanceof Penalty.ActiveCount) {
      return fires.sum().mul(coefficient / variance);
    } else if (penalty instanceof Penalty.TargetCount count) {
      SDVariable excess = fires.sum().div(ROWS * count.target()).sub(1);
      return excess.mul(excess).mul(coefficient);
    }
    Penalty.SaturatingSum saturating = (Penalty.SaturatingSum) penalty;
    SDVariable mean = null;
    for (SDVariable each : paid) {
      SDVariable ofPart = graph.math().tanh(each.mul(saturating.slope())).mean(0).div(paid.size());
      mean = mean == null ? ofPart : mean.add(ofPart);
    }
    double weight = coefficient * ROWS * paid.size() / variance;
    if (Double.isInfinite(saturating.square())) {
      return mean.sum().mul(weight);
    }
    return mean.mul(mean.div(saturating.square()).add(1)).sum().mul(weight);
  }

  /**
   * What a code counts for or not as a whole.
   *
   * @param columns of W_dec that belong to it, 0 elsewhere, [F, D]
   * @param bars of the codes
   * @param scale of pre-activations before they are compared with θ
   */
  private record Part(int from, int to, INDArray columns, float[] bars, float[] scale) {}

  private static List<Part> parts(Dictionary dictionary) {
    if (!dictionary.type().activation().bySource()) {
      float[] ones = new float[WIDTH];
      Arrays.fill(ones, 1);
      INDArray all = Nd4j.ones(DataType.DOUBLE, WIDTH, INPUTS);
      return List.of(new Part(0, INPUTS, all, new float[WIDTH], ones));
    }
    List<Part> parts = new ArrayList<>();
    int from = 0;
    for (int s = 0; s < dictionary.sources().size(); s++) {
      int to = from + dictionary.sources().get(s).width();
      float[] bars = dictionary.sourceThreshold(s);
      float[] scale = new float[WIDTH];
      INDArray columns = Nd4j.zeros(DataType.DOUBLE, WIDTH, INPUTS);
      for (int latent = 0; latent < WIDTH; latent++) {
        scale[latent] = dictionary.threshold()[latent] / bars[latent];
        for (int i = from; i < to; i++) {
          columns.putScalar(latent, i, 1);
        }
      }
      parts.add(new Part(from, to, columns, bars, scale));
      from = to;
    }
    return parts;
  }

  /** Norms of the decoder's rows summed over the sources in some columns, [1, F]. */
  private static SDVariable norms(
      SameDiff graph, Dictionary dictionary, SDVariable decoder, int from, int to) {
    SDVariable sum = null;
    int at = INPUTS - dictionary.reconstructedColumns();
    for (Source source : dictionary.reconstructedSources()) {
      INDArray columns = Nd4j.zeros(DataType.DOUBLE, 1, INPUTS);
      for (int i = at; i < at + source.width(); i++) {
        columns.putScalar(0, i, 1);
      }
      at += source.width();
      if (at <= from || at > to) {
        continue;
      }
      SDVariable part = decoder.mul(graph.constant(columns));
      SDVariable norm = graph.math().sqrt(part.mul(part).sum(1)).reshape(1, WIDTH);
      sum = sum == null ? norm : sum.add(norm);
    }
    return sum;
  }

  private static INDArray fires(float[][] codes, float[] bars) {
    double[][] fires = new double[ROWS][WIDTH];
    for (int row = 0; row < ROWS; row++) {
      for (int latent = 0; latent < WIDTH; latent++) {
        fires[row][latent] = codes[row][latent] > bars[latent] ? 1 : 0;
      }
    }
    return Nd4j.createFromArray(fires);
  }

  private static INDArray window(
      AboveThreshold jump, float[] thresholds, float[][] pre, float[] scale) {
    double[][] window = new double[ROWS][WIDTH];
    for (int row = 0; row < ROWS; row++) {
      for (int latent = 0; latent < WIDTH; latent++) {
        double distance = Math.abs(pre[row][latent] * scale[latent] - thresholds[latent]);
        window[row][latent] = pre[row][latent] > 0 && distance < jump.bandwidth() / 2 ? 1 : 0;
      }
    }
    return Nd4j.createFromArray(window);
  }

  private static INDArray matrix(float[] values, int rows, int columns) {
    double[] doubles = new double[rows * columns];
    for (int i = 0; i < doubles.length; i++) {
      doubles[i] = values[i];
    }
    return Nd4j.create(doubles, new long[] {rows, columns}, DataType.DOUBLE);
  }
}
