package dev.ontogeny.evolution;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Compares a block of one checkpoint's features with all features of another, which come by in
 * blocks. Memory: the blocks and two products of block by block.
 *
 * <p>The null: some features of the block (every {@code stride}-th of the checkpoint) have the
 * coordinates of decoder and encoder shuffled alike and look for their nearest as everyone does.
 */
public final class BlockMatcher {
  private final int first;
  private final Directions from;
  private final Directions shuffled;
  private final float encoderWeight;
  private final Neighbours forward;
  private final Neighbours backward;
  private final Neighbours nulls;
  private float[] decoders = new float[0];
  private float[] encoders = new float[0];

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
    this.encoderWeight = (float) rules.encoderWeight();
    this.forward = new Neighbours(from.count(), rules.candidates());
    this.backward = new Neighbours(toCount, 2);
    this.shuffled = shuffled(from, first, Math.max(1, fromCount / rules.nullSamples()), seed);
    this.nulls = new Neighbours(shuffled.count(), 1);
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

  /** Looks at a block of the later checkpoint that begins at feature {@code firstTo}. */
  public void compare(Directions to, int firstTo) {
    multiply(from, to);
    int columns = to.count();
    for (int row = 0; row < from.count(); row++) {
      for (int column = 0; column < columns; column++) {
        int at = row * columns + column;
        float score = score(at);
        if (score >= forward.floor(row)) {
          forward.offer(row, firstTo + column, score, decoders[at], encoders[at]);
        }
        if (score >= backward.floor(firstTo + column)) {
          backward.offer(firstTo + column, first + row, score, decoders[at], encoders[at]);
        }
      }
    }
    multiply(shuffled, to);
    for (int row = 0; row < shuffled.count(); row++) {
      for (int column = 0; column < columns; column++) {
        int at = row * columns + column;
        nulls.offer(row, firstTo + column, score(at), decoders[at], encoders[at]);
      }
    }
  }

  private float score(int at) {
    return (1 - encoderWeight) * decoders[at] + encoderWeight * encoders[at];
  }

  private void multiply(Directions rows, Directions columns) {
    int size = rows.count() * columns.count();
    if (decoders.length < size) {
      decoders = new float[size];
      encoders = new float[size];
    }
    int width = rows.decoder().columns();
    DotProducts.multiply(
        rows.decoder().values(),
        rows.count(),
        columns.decoder().values(),
        columns.count(),
        width,
        decoders);
    DotProducts.multiply(
        rows.encoder().values(),
        rows.count(),
        columns.encoder().values(),
        columns.count(),
        width,
        encoders);
  }

  /** What was seen. */
  public Matches result() {
    float[] scores = new float[nulls.count()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = nulls.score(i, 0);
    }
    return new Matches(first, forward, backward, scores);
  }
}
