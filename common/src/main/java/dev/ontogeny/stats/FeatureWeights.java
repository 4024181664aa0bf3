package dev.ontogeny.stats;

/**
 * What the weights alone say of a feature at a place.
 *
 * @param nearest other feature by the decoder's cosine, -1 for none
 * @param directionSource the source whose decoder stands for the feature here, and
 * @param directionSquare its squared norm
 */
public record FeatureWeights(
    double decoderNorm,
    double encoderNorm,
    int nearest,
    float cosine,
    int directionSource,
    double directionSquare) {

  public void write(StatisticOutput out) {
    out.writeDouble(decoderNorm);
    out.writeDouble(encoderNorm);
    out.writeCompact(nearest + 1);
    out.writeFloat(cosine);
    out.writeCompact(directionSource);
    out.writeDouble(directionSquare);
  }

  /** What {@link #write} wrote. */
  static FeatureWeights read(StatisticInput in) {
    return new FeatureWeights(
        in.readDouble(),
        in.readDouble(),
        in.readCompactInt() - 1,
        in.readFloat(),
        in.readCompactInt(),
        in.readDouble());
  }

  /** Those of features at places, feature by feature. */
  public static FeatureWeights[][] read(StatisticInput in, int features, int places) {
    FeatureWeights[][] weights = new FeatureWeights[features][places];
    for (FeatureWeights[] ofFeature : weights) {
      for (int p = 0; p < places; p++) {
        ofFeature[p] = read(in);
      }
    }
    return weights;
  }
}
