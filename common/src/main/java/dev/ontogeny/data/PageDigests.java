package dev.ontogeny.data;

import dev.ontogeny.run.Identity;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;

/**
 * What the pages of a file hold, in 256 bits: the sum, modulo 2^256, of a SHA-256 for each column
 * chunk over the file's outline, the chunk's place in the file and its bytes as they are stored. A
 * sum, so that parts of a file may be read anywhere and in any order.
 */
public final class PageDigests {
  private static final BigInteger MODULUS = BigInteger.ONE.shiftLeft(256);

  private final byte[] outline;
  private BigInteger sum = BigInteger.ZERO;

  /** {@code outline} says which file the chunks belong to. */
  PageDigests(String outline) {
    this.outline = outline.getBytes(StandardCharsets.UTF_8);
  }

  /** Adds a chunk whose stored bytes have this SHA-256. */
  void add(ColumnChunkMetaData chunk, byte[] sha256) {
    MessageDigest digest = Identity.newDigest();
    digest.update(outline);
    digest.update(
        (chunk.getPath().toDotString() + " " + chunk.getStartingPos() + " ")
            .getBytes(StandardCharsets.UTF_8));
    digest.update(sha256);
    sum = sum.add(new BigInteger(1, digest.digest())).mod(MODULUS);
  }

  /** The sum so far, as 64 hex digits. */
  public String hex() {
    byte[] bytes = sum.add(MODULUS).toByteArray();
    return HexFormat.of().formatHex(bytes, bytes.length - 32, bytes.length);
  }

  /** The sum of two parts of one file. */
  public static String sum(String a, String b) {
    BigInteger both = new BigInteger(a, 16).add(new BigInteger(b, 16)).mod(MODULUS);
    byte[] bytes = both.add(MODULUS).toByteArray();
    return HexFormat.of().formatHex(bytes, bytes.length - 32, bytes.length);
  }
}
