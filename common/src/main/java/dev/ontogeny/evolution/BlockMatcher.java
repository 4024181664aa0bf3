package dev.ontogeny.evolution;

import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Compares a block of one checkpoint's features with all features of another, which come by in
 * blocks: one product of directions scores every pair, and pairs that come among the nearest of
 * either side are looked at closer. Memory: the directions of the block, twice, and what is nearest
 * to it.
 *
 * <p>The null: some features of the block (every {@code stride}-th of the checkpoint) have the
 * coordinates of decoder and encoder shuffled alike and look for their nearest as everyone does.
 */
public final class BlockMatcher implements AutoCloseable {
  private final int first;
  private final Directions from;
  private final double encoderWeight;
  private final Neighbours forward;
  private final Neighbours backward;
  private final Neighbours nulls;

  /** Scores with the features of the block, then with the shuffled ones. */
  private final ProductKernel scores;

  /** The least scores that still enter {@link #forward}, then {@link #nulls}. */
  private final float[] bars;

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
      KernelProvider provider,
      Directions from,
      int first,
      int fromCount,
      int toCount,
      MatchingRules rules,
      long seed) {
    this.from = from;
    this.first = first;
    this.encoderWeight = rules.encoderWeight();
    this.forward = new Neighbours(from.count(), rules.candidates());
    this.backward = new Neighbours(toCount, 2);
    Directions shuffled = shuffled(from, first, Math.max(1, fromCount / rules.nullSamples()), seed);
    this.nulls = new Neighbours(shuffled.count(), 1);
    this.bars = new float[from.count() + shuffled.count()];
    Arrays.fill(bars, Float.NEGATIVE_INFINITY);
    FloatMatrix kept = FloatMatrix.zeros(bars.length, columns(from));
    join(from, kept, 0);
    join(shuffled, kept, from.count());
    this.scores = provider.products(kept);
  }

  private static Directions shuffled(Directions from, int first, int stride, long seed) {
    int width = from.decoder().columns();
    int readWidth = from.encoder().columns();
    int skip = (stride - first % stride) % stride;
    int count = from.count() <= skip ? 0 : (from.count() - skip + stride - 1) / stride;
    FloatMatrix decoder = FloatMatrix.zeros(count, width);
    FloatMatrix encoder = FloatMatrix.zeros(count, readWidth);
    for (int i = 0; i < count; i++) {
      int row = skip + i * stride;
      RandomGenerator random = Seeds.generator(seed, "shuffled-direction", first + row);
      int[] order = order(random, width);
      // Encoders of another site may have other coordinates.
      int[] readOrder = readWidth == width ? order : order(random, readWidth);
      for (int k = 0; k < width; k++) {
        decoder.values()[i * width + k] = from.decoder().at(row, order[k]);
      }
      for (int k = 0; k < readWidth; k++) {
        encoder.values()[i * readWidth + k] = from.encoder().at(row, readOrder[k]);
      }
    }
    return new Directions(decoder, encoder);
  }

  private static int[] order(RandomGenerator random, int size) {
    int[] order = new int[size];
    Arrays.setAll(order, k -> k);
    for (int k = size - 1; k > 0; k--) {
      int other = random.nextInt(k + 1);
      int kept = order[k];
      order[k] = order[other];
      order[other] = kept;
    }
    return order;
  }

  /** Columns of decoder and encoder together. */
  private static int columns(Directions directions) {
    return directions.decoder().columns() + directions.encoder().columns();
  }

  /** Decoder and encoder side by side, so scaled that one dot product is the score. */
  private void join(Directions directions, FloatMatrix into, int firstRow) {
    int width = directions.decoder().columns();
    float decoderScale = (float) Math.sqrt(1 - encoderWeight);
    float encoderScale = (float) Math.sqrt(encoderWeight);
    for (int row = 0; row < directions.count(); row++) {
      int at = (firstRow + row) * into.columns();
      for (int k = 0; k < width; k++) {
        into.values()[at + k] = decoderScale * directions.decoder().at(row, k);
      }
      for (int k = 0; k < directions.encoder().columns(); k++) {
        into.values()[at + width + k] = encoderScale * directions.encoder().at(row, k);
      }
    }
  }

  /** Looks at a block of the later checkpoint that begins at feature {@code firstTo}. */
  public void compare(Directions to, int firstTo) {
    FloatMatrix joined = FloatMatrix.zeros(to.count(), columns(to));
    join(to, joined, 0);
    float[] toBars = new float[to.count()];
    for (int i = 0; i < toBars.length; i++) {
      toBars[i] = backward.floor(firstTo + i);
    }
    scores.reaching(
        joined,
        toBars,
        bars,
        (row, kept, score) -> {
          if (kept < from.count()) {
            float decoder = dot(from.decoder(), kept, to.decoder(), row);
            float encoder = dot(from.encoder(), kept, to.encoder(), row);
            forward.offer(kept, firstTo + row, score, decoder, encoder);
            backward.offer(firstTo + row, first + kept, score, decoder, encoder);
            bars[kept] = forward.floor(kept);
            toBars[row] = backward.floor(firstTo + row);
          } else {
            nulls.offer(kept - from.count(), firstTo + row, score, 0, 0);
            bars[kept] = nulls.floor(kept - from.count());
          }
        });
  }

  private static float dot(FloatMatrix a, int row, FloatMatrix b, int column) {
    int width = a.columns();
    int at = row * width;
    int bt = column * width;
    float[] x = a.values();
    float[] y = b.values();
    // Four sums, since each addition waits for the one before.
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    int k = 0;
    for (; k + 4 <= width; k += 4) {
      sum0 += x[at + k] * y[bt + k];
      sum1 += x[at + k + 1] * y[bt + k + 1];
      sum2 += x[at + k + 2] * y[bt + k + 2];
      sum3 += x[at + k + 3] * y[bt + k + 3];
    }
    for (; k < width; k++) {
      sum0 += x[at + k] * y[bt + k];
    }
    // Rounding can carry a cosine past its bounds.
    return Math.max(-1, Math.min(1, (sum0 + sum1) + (sum2 + sum3)));
  }

  /** What was seen. */
  public Matches result() {
    float[] chance = new float[nulls.count()];
    for (int i = 0; i < chance.length; i++) {
      chance[i] = nulls.score(i, 0);
    }
    return new Matches(first, forward, backward, chance);
  }

  @Override
  public void close() {
    scores.close();
  }
}
