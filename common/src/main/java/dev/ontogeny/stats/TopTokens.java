package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TokenBlock.Token;
import java.io.IOException;
import java.util.List;

/** The tokens that features fire on most often, by exact counts. */
final class TopTokens implements FeatureStatistic<TokenCounts> {
  private static final long serialVersionUID = 1;

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.TOP_TOKENS);
  }

  @Override
  public boolean applies(FeatureBlock.Shape shape) {
    return shape.tokens();
  }

  @Override
  public TokenCounts none(FeatureBlock.Shape shape, int first, int features) {
    return new TokenCounts();
  }

  @Override
  public void add(TokenCounts kept, int feature, Seen seen) {
    int from = seen.from(feature);
    int to = seen.to(feature);
    int[] where = seen.codes().rows();
    int[] tokens = seen.rows().tokens();
    if (feature == 0) {
      kept.expect(seen.size());
    }
    for (int i = from; i < to; i++) {
      int token = tokens[where[i]];
      if (token >= 0) {
        kept.add(feature, token, 1);
      }
    }
  }

  @Override
  public long memory(FeatureBlock.Shape shape, int features, long tokensPerFeature) {
    return TokenCounts.memory(features * tokensPerFeature);
  }

  @Override
  public void publish(Of of, Merged features, TokenCounts kept, Into into) throws IOException {
    int[][] top = kept.top(features.features(), of.topTokens());
    for (int f = 0; f < features.features(); f++) {
      for (Place place : of.places()) {
        for (int rank = 0; rank < top[f].length; rank++) {
          Token token = of.vocabulary()[top[f][rank]];
          into.write(
              FeatureTables.TOP_TOKENS,
              of.dictionary(),
              place.site(),
              place.checkpoint(),
              features.first() + f,
              rank,
              token.shown(),
              token.id() == Token.NO_ID ? null : (Long) token.id(),
              kept.count(f, top[f][rank]));
        }
      }
    }
  }
}
