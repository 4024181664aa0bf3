package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.TableSchema;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/** How often features fire, and how strongly: moments, quantiles and a histogram of their codes. */
final class CodeDistribution implements FeatureStatistic<LogHistogram> {
  private static final long serialVersionUID = 1;

  private static final double[] QUANTILES = {0.1, 0.5, 0.9, 0.99};

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.FEATURES, FeatureTables.HISTOGRAMS);
  }

  @Override
  public LogHistogram none(FeatureBlock.Shape shape, int first, int features) {
    return new LogHistogram(features);
  }

  @Override
  public void add(LogHistogram kept, int feature, Seen seen) {
    kept.add(feature, seen.codes().values(), seen.from(feature), seen.to(feature));
  }

  @Override
  public long memory(FeatureBlock.Shape shape, int features, long tokensPerFeature) {
    return LogHistogram.memory(features);
  }

  @Override
  public void publish(Of of, Merged features, LogHistogram kept, Into into) throws IOException {
    for (int f = 0; f < features.features(); f++) {
      for (int p = 0; p < of.places().size(); p++) {
        writeFeature(of, of.places().get(p), features, f, features.weights()[f][p], kept, into);
        if (features.fires(f)) {
          writeHistogram(of, of.places().get(p), features.first() + f, f, kept, into);
        }
      }
    }
  }

  private static void writeFeature(
      Of of,
      Place place,
      Merged features,
      int f,
      FeatureWeights weights,
      LogHistogram kept,
      Into into)
      throws IOException {
    CodeSums sums = features.sums();
    boolean fires = features.fires(f);
    double maximum = sums.maximum(f);
    Double[] quantiles = new Double[QUANTILES.length];
    if (fires) {
      Arrays.setAll(quantiles, i -> kept.quantile(f, QUANTILES[i], sums.maximum(f)));
    }
    into.write(
        FeatureTables.FEATURES,
        of.dictionary(),
        place.site(),
        place.checkpoint(),
        features.first() + f,
        sums.count(f),
        (double) sums.count(f) / of.rows(),
        fires ? (Double) sums.mean(f) : null,
        fires ? (Double) sums.variance(f) : null,
        fires ? (Double) maximum : null,
        quantiles[0],
        quantiles[1],
        quantiles[2],
        quantiles[3],
        weights.decoderNorm(),
        weights.encoderNorm(),
        weights.nearest() < 0 ? null : (Integer) weights.nearest(),
        weights.nearest() < 0 ? null : (Double) (double) weights.cosine());
  }

  private static void writeHistogram(
      Of of, Place place, int feature, int f, LogHistogram kept, Into into) throws IOException {
    int first = kept.first(f);
    double[] lower = new double[kept.last(f) + 1 - first];
    long[] counts = new long[lower.length];
    for (int i = 0; i < lower.length; i++) {
      lower[i] = LogHistogram.lower(first + i);
      counts[i] = kept.count(f, first + i);
    }
    into.write(
        FeatureTables.HISTOGRAMS,
        of.dictionary(),
        place.site(),
        place.checkpoint(),
        feature,
        lower,
        counts);
  }
}
