package dev.ontogeny.evolution;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Compares a block of one checkpoint's features with all features of another, which come by in
 * blocks. Memory: the blocks and one product of block by block.
 *
 * <p>The null: some features of the block (every {@code stride}-th of the checkpoint) have the
 * coordinates of decoder and encoder shuffled alike and look for their nearest as everyone does.
 */
public final class BlockMatcher {
  private final int first;
  private final Directions from;
  private final Directions shuffled;
  private final float[] fromJoined;
  private final float[] shuffledJoined;
  private final double encoderWeight;
  private final Neighbours forward;
  private final Neighbours backward;
  private final Neighbours nulls;
  private float[] scores = new float[0];

  /**
   * Starts.
   *
   * @param from directions of the block
   * @param first the block's first feature
   * @param fromCount features of the earlier checkpoint
   * @param toCount features of the later checkpoint
   * @param seed decides what is shuffled and how, together with the feature
   */
  public BlockMatcher(
      Directions from, int first, int fromCount, int toCount, MatchingRules rules, long seed) {
    this.from = from;
    this.first = first;
    this.encoderWeight = rules.encoderWeight();
    this.forward = new Neighbours(from.count(), rules.candidates());
    this.backward = new Neighbours(toCount, 2);
    this.shuffled = shuffled(from, first, Math.max(1, fromCount / rules.nullSamples()), seed);
    this.nulls = new Neighbours(shuffled.count(), 1);
    this.fromJoined = joined(from);
    this.shuffledJoined = joined(shuffled);
  }

  private static Directions shuffled(Directions from, int first, int stride, long seed) {
    int width = from.decoder().columns();
    int skip = (stride - first % stride) % stride;
    int count = from.count() <= skip ? 0 : (from.count() - skip + stride - 1) / stride;
    FloatMatrix decoder = FloatMatrix.zeros(count, width);
    FloatMatrix encoder = FloatMatrix.zeros(count, width);
    int[] order = new int[width];
    for (int i = 0; i < count; i++) {
      int row = skip + i * stride;
      RandomGenerator random = Seeds.generator(seed, "shuffled-direction", first + row);
      Arrays.setAll(order, k -> k);
      for (int k = width - 1; k > 0; k--) {
        int other = random.nextInt(k + 1);
        int kept = order[k];
        order[k] = order[other];
        order[other] = kept;
      }
      for (int k = 0; k < width; k++) {
        decoder.values()[i * width + k] = from.decoder().at(row, order[k]);
        encoder.values()[i * width + k] = from.encoder().at(row, order[k]);
      }
    }
    return new Directions(decoder, encoder);
  }

  /** Decoder and encoder side by side, so scaled that one dot product is the score. */
  private float[] joined(Directions directions) {
    int width = directions.decoder().columns();
    float decoderScale = (float) Math.sqrt(1 - encoderWeight);
    float encoderScale = (float) Math.sqrt(encoderWeight);
    float[] result = new float[directions.count() * 2 * width];
    for (int row = 0; row < directions.count(); row++) {
      for (int k = 0; k < width; k++) {
        result[row * 2 * width + k] = decoderScale * directions.decoder().at(row, k);
        result[(row * 2 + 1) * width + k] = encoderScale * directions.encoder().at(row, k);
      }
    }
    return result;
  }

  /** Looks at a block of the later checkpoint that begins at feature {@code firstTo}. */
  public void compare(Directions to, int firstTo) {
    float[] toJoined = joined(to);
    int depth = 2 * from.decoder().columns();
    int columns = to.count();
    scores = scores.length < from.count() * columns ? new float[from.count() * columns] : scores;
    float[] floors = new float[columns];
    for (int column = 0; column < columns; column++) {
      floors[column] = backward.floor(firstTo + column);
    }
    DotProducts.multiply(fromJoined, from.count(), toJoined, columns, depth, scores);
    for (int row = 0; row < from.count(); row++) {
      float floor = forward.floor(row);
      for (int column = 0; column < columns; column++) {
        float score = scores[row * columns + column];
        if (score >= floor || score >= floors[column]) {
          float decoder = dot(from.decoder(), row, to.decoder(), column);
          float encoder = dot(from.encoder(), row, to.encoder(), column);
          forward.offer(row, firstTo + column, score, decoder, encoder);
          backward.offer(firstTo + column, first + row, score, decoder, encoder);
          floor = forward.floor(row);
          floors[column] = backward.floor(firstTo + column);
        }
      }
    }
    DotProducts.multiply(shuffledJoined, shuffled.count(), toJoined, columns, depth, scores);
    for (int row = 0; row < shuffled.count(); row++) {
      for (int column = 0; column < columns; column++) {
        nulls.offer(row, firstTo + column, scores[row * columns + column], 0, 0);
      }
    }
  }

  private static float dot(FloatMatrix a, int row, FloatMatrix b, int column) {
    int width = a.columns();
    float sum = 0;
    for (int k = 0; k < width; k++) {
      sum += a.values()[row * width + k] * b.values()[column * width + k];
    }
    // Rounding can carry a cosine past its bounds.
    return Math.max(-1, Math.min(1, sum));
  }

  /** What was seen. */
  public Matches result() {
    float[] chance = new float[nulls.count()];
    for (int i = 0; i < chance.length; i++) {
      chance[i] = nulls.score(i, 0);
    }
    return new Matches(first, forward, backward, chance);
  }
}
