package dev.ontogeny.evolution;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.FurtherTensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * What replicas of a dictionary agree on, merged into one dictionary (ours). With m replicas that
 * have a feature, n the length of its decoder d in one of them, e its encoder, b its bias and θ its
 * threshold there, and means over these m:
 *
 * <pre>
 * length     n̄ = mean(n), 1 where the type keeps decoders of unit norm
 * decoder    n̄ u, u the unit vector along Σ d / n
 * encoder    ē = mean(n e) / n̄
 * b_dec      mean over all replicas
 * bias       such that ē · (x̃ − b_dec) + bias = mean(n pre) / n̄ for every x̃
 * threshold  mean(n θ) / n̄; mean(θ) where gates by source compare pre · n with it
 * </pre>
 *
 * So its pre-activation is the mean of the replicas', each in the length of what it adds to a
 * reconstruction: where decoder norms are free, a feature that is twice as long with half the code
 * is the same feature. Signs need no aligning, since codes are never negative. Features are sorted
 * by how many replicas have them, then by how alike they are.
 *
 * <p>Memory: 16 bytes for each feature and column while replicas are added, and 8 more when they
 * are merged; of the replicas one at a time.
 */
public final class Consensus {
  private final List<int[]> clusters;

  /** The last one that was added, for what all of them share. */
  private Dictionary like;

  private int replicas;
  private double[] encoders;
  private double[] decoders;
  private double[] decoderBias;
  private final double[] offsets;
  private final double[] lengths;
  private final double[] thresholds;

  /**
   * The merged dictionary.
   *
   * @param members of each feature, in order: the feature of every replica, -1 where it has none
   * @param meanCosine of each feature: of the decoders of two replicas that have it, mean over all
   *     such pairs
   */
  public record Merged(Dictionary dictionary, List<int[]> members, double[] meanCosine) {
    public Merged {
      members = List.copyOf(members);
    }

    /** How many replicas have a feature. */
    public int replicas(int feature) {
      return FeatureClusters.size(members.get(feature));
    }

    /** The features of a replica that were merged, [F], -1 where it has none. */
    public int[] of(int replica) {
      return members.stream().mapToInt(each -> each[replica]).toArray();
    }

    /**
     * The angles between the decoders of a replica and the merged ones, in degrees, [F].
     *
     * @param rows of W_dec of that replica as {@link #of} has them, [F, D]
     * @return 0 where it has none
     */
    public double[] angles(FloatMatrix rows) {
      double[] angles = Directions.cosines(rows, dictionary.decoder());
      for (int i = 0; i < angles.length; i++) {
        angles[i] = angles[i] == 0 ? 0 : Math.toDegrees(Math.acos(Math.min(1, angles[i])));
      }
      return angles;
    }
  }

  /**
   * Nothing added yet.
   *
   * @param clusters as {@link FeatureClusters#of} has them, not empty
   */
  public Consensus(List<int[]> clusters) {
    this.clusters = List.copyOf(clusters);
    this.offsets = new double[clusters.size()];
    this.lengths = new double[clusters.size()];
    this.thresholds = new double[clusters.size()];
  }

  /** Adds a replica, each once; all are of one type over the same sources. */
  public void add(int replica, Dictionary dictionary) {
    int inputs = dictionary.inputs();
    int width = dictionary.width();
    if (like == null) {
      encoders = new double[Math.multiplyExact(clusters.size(), inputs)];
      decoders = new double[encoders.length];
      decoderBias = new double[inputs];
    }
    like = dictionary;
    replicas++;
    for (int i = 0; i < inputs; i++) {
      decoderBias[i] += dictionary.decoderBias()[i];
    }
    float[] threshold = dictionary.threshold();
    boolean bySource = dictionary.type().activation().bySource();
    for (int c = 0; c < clusters.size(); c++) {
      int latent = clusters.get(c)[replica];
      if (latent < 0) {
        continue;
      }
      double length = dictionary.decoder().norm(latent);
      double offset = dictionary.encoderBias()[latent];
      for (int i = 0; i < inputs; i++) {
        double weight = dictionary.encoder().values()[i * width + latent];
        offset -= weight * dictionary.decoderBias()[i];
        encoders[c * inputs + i] += length * weight;
        decoders[c * inputs + i] += dictionary.decoder().at(latent, i) / length;
      }
      offsets[c] += length * offset;
      lengths[c] += length;
      if (threshold.length > 0) {
        thresholds[c] += (bySource ? 1 : length) * threshold[latent];
      }
    }
  }

  /** What was added, merged. */
  public Merged merge() {
    int features = clusters.size();
    int inputs = decoderBias.length;
    double[] cosines = new double[features];
    List<Integer> order = new ArrayList<>();
    for (int c = 0; c < features; c++) {
      double members = FeatureClusters.size(clusters.get(c));
      // ‖Σ u‖² = m + 2 Σ cosines of pairs.
      cosines[c] = Math.min(1, (squares(c, inputs) - members) / (members * (members - 1)));
      order.add(c);
    }
    order.sort(
        Comparator.comparingInt((Integer c) -> -FeatureClusters.size(clusters.get(c)))
            .thenComparingDouble(c -> -cosines[c]));
    float[] mean = new float[inputs];
    for (int i = 0; i < inputs; i++) {
      mean[i] = (float) (decoderBias[i] / replicas);
    }
    FloatMatrix encoder = FloatMatrix.zeros(inputs, features);
    FloatMatrix decoder = FloatMatrix.zeros(features, inputs);
    float[] bias = new float[features];
    float[] threshold = new float[features];
    boolean bySource = like.type().activation().bySource();
    for (int f = 0; f < features; f++) {
      int c = order.get(f);
      double members = FeatureClusters.size(clusters.get(c));
      double length = lengths[c] / members;
      double scale = length / Math.sqrt(squares(c, inputs));
      double offset = offsets[c] / lengths[c];
      for (int i = 0; i < inputs; i++) {
        float weight = (float) (encoders[c * inputs + i] / lengths[c]);
        encoder.values()[i * features + f] = weight;
        decoder.values()[f * inputs + i] = (float) (decoders[c * inputs + i] * scale);
        offset += (double) weight * mean[i];
      }
      bias[f] = (float) offset;
      threshold[f] = (float) (thresholds[c] / (bySource ? members : lengths[c]));
    }
    Dictionary merged =
        new Dictionary(
            like.type(),
            like.sources(),
            like.target(),
            Math.min(like.k(), features),
            encoder,
            bias,
            decoder,
            mean,
            like.inputMean(),
            like.inputScale(),
            like.threshold().length > 0
                ? Map.of(FurtherTensor.THRESHOLD.name(), threshold)
                : Map.of());
    return new Merged(
        merged,
        order.stream().map(clusters::get).toList(),
        order.stream().mapToDouble(c -> cosines[c]).toArray());
  }

  private double squares(int cluster, int inputs) {
    double squares = 0;
    for (int i = cluster * inputs; i < (cluster + 1) * inputs; i++) {
      squares += decoders[i] * decoders[i];
    }
    return squares;
  }
}
