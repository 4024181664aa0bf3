package dev.ontogeny.data;

import dev.ontogeny.run.Seeds;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Where a token stands in a dataset. The 64-bit hash of (seed, document, position), read as an
 * unsigned number, is its place on a line; the line is cut into shards of equal length, and rows of
 * a shard follow it. So shards are a true token-level shuffle, and a token is found without a join:
 * its shard by arithmetic, its row by its hash.
 *
 * @param base hash of the seed
 * @param shards into how many the line is cut
 */
public record TokenOrder(long base, int shards) implements Serializable {
  public TokenOrder {
    if (shards < 1) {
      throw new IllegalArgumentException("a dataset has at least one shard, got " + shards);
    }
  }

  /** The order of a run's seed. */
  public static TokenOrder of(long seed, int shards) {
    return new TokenOrder(Seeds.of(seed, "shard-order"), shards);
  }

  /** The place of a token whose document is a number. */
  public long hash(long document, int position) {
    return Seeds.mix(Seeds.mix(base, document), position);
  }

  /** The place of a token whose document is a text. */
  public long hash(String document, int position) {
    return Seeds.mix(Seeds.mix(base, document), position);
  }

  /** The shard of a place: the hash scaled to [0, shards). */
  public int shard(long hash) {
    return (int) (Math.multiplyHigh(hash, shards) + (hash < 0 ? shards : 0));
  }

  /** Order of two tokens within a dataset: by hash, then document, then position. */
  public static int compare(
      long hash, long document, int position, long hash2, long document2, int position2) {
    int order = Long.compareUnsigned(hash, hash2);
    order = order != 0 ? order : Long.compare(document, document2);
    return order != 0 ? order : Integer.compare(position, position2);
  }

  /** Likewise for documents that are texts, which follow their UTF-8 bytes. */
  public static int compare(
      long hash, String document, int position, long hash2, String document2, int position2) {
    int order = Long.compareUnsigned(hash, hash2);
    order =
        order != 0
            ? order
            : Arrays.compareUnsigned(
                document.getBytes(StandardCharsets.UTF_8),
                document2.getBytes(StandardCharsets.UTF_8));
    return order != 0 ? order : Integer.compare(position, position2);
  }
}
