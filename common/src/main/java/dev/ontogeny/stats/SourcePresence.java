package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.TableSchema;
import java.io.IOException;
import java.util.List;

/**
 * How much of a feature there is at each source of a dictionary of several, where it fires: {@link
 * LatentScaling}, whose sums the encoder takes, for they need the error of every row.
 */
final class SourcePresence implements FeatureStatistic<LatentScaling> {
  private static final long serialVersionUID = 1;

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.LATENT_SCALING);
  }

  @Override
  public boolean applies(FeatureBlock.Shape shape) {
    return shape.scaledPlaces() > 0;
  }

  @Override
  public LatentScaling none(FeatureBlock.Shape shape, int first, int features) {
    return new LatentScaling(features, shape.scaledPlaces());
  }

  @Override
  public void add(LatentScaling kept, int feature, Seen seen) {
    kept.add(feature, seen.scaling(), seen.first() + feature);
  }

  @Override
  public long memory(FeatureBlock.Shape shape, int features, long tokensPerFeature) {
    return LatentScaling.memory(features, shape.scaledPlaces());
  }

  @Override
  public void publish(Of of, Merged features, LatentScaling kept, Into into) throws IOException {
    for (int f = 0; f < features.features(); f++) {
      for (int p = 0; features.fires(f) && p < of.places().size(); p++) {
        FeatureWeights weights = features.weights()[f][p];
        double square = weights.directionSquare();
        into.write(
            FeatureTables.LATENT_SCALING,
            of.dictionary(),
            of.places().get(p).site(),
            of.places().get(p).checkpoint(),
            features.first() + f,
            of.checkpoints().get(weights.directionSource()),
            square > 0 ? (Double) kept.error(f, p, square) : null,
            square > 0 ? (Double) kept.reconstruction(f, p, square) : null,
            square > 0 ? (Double) kept.own(f, p, square) : null);
      }
    }
  }
}
