package dev.ontogeny.job;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Makes broken files out of whole ones: the same out of the same random numbers. Bytes are changed,
 * left out, doubled and taken from elsewhere; in texts also whole words are, for those that a
 * reader might stumble over.
 */
final class Mutator {
  private static final Pattern WORD = Pattern.compile("\"[^\"]*\"|[A-Za-z0-9_.+-]+|[^\\s\\w]");

  private static final List<String> WORDS =
      List.of(
          "null",
          "true",
          "0",
          "-1",
          "1",
          "2147483647",
          "2147483648",
          "-9223372036854775808",
          "9223372036854775807",
          "1e999",
          "-1e999",
          "1e-400",
          "0.5",
          "NaN",
          "\"NaN\"",
          "\"\"",
          "\" \"",
          "[]",
          "{}",
          "[null]",
          "[[]]",
          "{\"\":null}",
          "\"..\"",
          "\".\"",
          "\"../escaped\"",
          "\"a/../../escaped\"",
          "\"/tmp/escaped\"",
          "\"_manifest.json\"",
          "\"_progress/x\"",
          "\"a//b\"",
          "\"a\\u0000b\"",
          "\"a:b\"",
          "\"file:/tmp/escaped\"",
          "\"s3a://b/c\"",
          "\"\\ud800\"",
          "\"%s%n\"",
          "\"*\"",
          "\"{a,b}\"",
          "${work}",
          "${?none}",
          "${none}",
          "${shard}",
          "${a}${a}",
          "include \"settings.conf\"",
          "include file(\"/dev/null\")",
          "include \"none\"",
          "+=",
          "=",
          ":",
          "\"\"\"",
          "#",
          "//",
          "\\",
          "$",
          "{",
          "}",
          "[",
          "]",
          ",",
          "a.b.c",
          "\"a.b\"",
          "256MiB",
          "-1B",
          "9999999999999TiB",
          "[".repeat(2000),
          "{\"a\":".repeat(2000),
          "\"" + "x".repeat(70_000) + "\"",
          "9".repeat(400),
          "\"" + "0".repeat(64) + "\"");

  private final SplittableRandom random;

  Mutator(long seed) {
    this.random = new SplittableRandom(seed);
  }

  /**
   * A broken one of some files.
   *
   * @param texts whether they are texts
   */
  byte[] broken(List<byte[]> whole, boolean texts) {
    byte[] bytes = whole.get(random.nextInt(whole.size())).clone();
    int times = 1 + random.nextInt(random.nextInt(8) + 1);
    for (int i = 0; i < times; i++) {
      if (texts && random.nextInt(4) > 0) {
        bytes = words(bytes);
      } else {
        bytes = bytes(bytes, whole);
      }
    }
    return bytes;
  }

  private byte[] words(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8);
    List<MatchResult> words = WORD.matcher(text).results().toList();
    if (words.isEmpty()) {
      return bytes;
    }
    MatchResult at = words.get(random.nextInt(words.size()));
    MatchResult other = words.get(random.nextInt(words.size()));
    String word =
        switch (random.nextInt(6)) {
          case 0 -> "";
          case 1 -> other.group();
          case 2 -> at.group() + at.group();
          default -> WORDS.get(random.nextInt(WORDS.size()));
        };
    StringBuilder result = new StringBuilder(text);
    if (random.nextInt(12) == 0) {
      // A whole piece of it once more, or not at all.
      int from = Math.min(at.start(), other.start());
      int to = Math.max(at.end(), other.end());
      if (to - from < 20_000) {
        result.replace(from, to, random.nextBoolean() ? "" : text.substring(from, to).repeat(2));
      }
    } else {
      result.replace(at.start(), at.end(), word);
    }
    return result.toString().getBytes(StandardCharsets.UTF_8);
  }

  private byte[] bytes(byte[] bytes, List<byte[]> whole) {
    if (bytes.length == 0) {
      return new byte[] {(byte) random.nextInt()};
    }
    int at = place(bytes.length);
    switch (random.nextInt(9)) {
      case 0:
        bytes[at] ^= (byte) (1 << random.nextInt(8));
        return bytes;
      case 1:
        bytes[at] = (byte) random.nextInt();
        return bytes;
      case 2:
        bytes[at] = (byte) new int[] {0, 1, 0x7f, 0x80, 0xff}[random.nextInt(5)];
        return bytes;
      case 3:
        return number(bytes, at);
      case 4:
        return spliced(bytes, at, 0, manyBytes());
      case 5:
        return spliced(bytes, at, 1 + random.nextInt(Math.min(64, bytes.length - at)), new byte[0]);
      case 6:
        byte[] from = whole.get(random.nextInt(whole.size()));
        int start = place(Math.max(1, from.length));
        byte[] piece =
            Arrays.copyOfRange(from, start, Math.min(from.length, start + 1 + random.nextInt(64)));
        return spliced(
            bytes, at, random.nextBoolean() ? Math.min(piece.length, bytes.length - at) : 0, piece);
      case 7:
        return random.nextInt(8) == 0
            ? Arrays.copyOf(bytes, at)
            : spliced(bytes, at, 1, new byte[0]);
      default:
        return spliced(bytes, at, random.nextInt(2), varint());
    }
  }

  /** Most of what decides how a file is read stands at its beginning or its end. */
  private int place(int length) {
    int near = Math.min(length, 1 + random.nextInt(1500));
    return switch (random.nextInt(4)) {
      case 0 -> random.nextInt(near);
      case 1, 2 -> length - 1 - random.nextInt(near);
      default -> random.nextInt(length);
    };
  }

  private byte[] number(byte[] bytes, int at) {
    long[] numbers = {
      0,
      -1,
      1,
      Byte.MAX_VALUE,
      Integer.MAX_VALUE,
      Integer.MIN_VALUE,
      Long.MAX_VALUE,
      Long.MIN_VALUE,
      bytes.length,
      bytes.length - 8L,
      1L << 30,
      random.nextLong()
    };
    long number = numbers[random.nextInt(numbers.length)];
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (random.nextBoolean() && at + Long.BYTES <= bytes.length) {
      buffer.putLong(at, number);
    } else if (at + Integer.BYTES <= bytes.length) {
      buffer.putInt(at, (int) number);
    } else {
      bytes[at] = (byte) number;
    }
    return bytes;
  }

  private byte[] manyBytes() {
    byte[] bytes = new byte[1 + random.nextInt(32)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** A number as Thrift writes it, often a large one. */
  private byte[] varint() {
    long value = random.nextLong() >>> random.nextInt(64);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    while ((value & ~0x7fL) != 0) {
      out.write((int) ((value & 0x7f) | 0x80));
      value >>>= 7;
    }
    out.write((int) value);
    return out.toByteArray();
  }

  /** With {@code less} bytes replaced; a Parquet file's footer keeps its right length mostly. */
  private byte[] spliced(byte[] bytes, int at, int less, byte[] piece) {
    byte[] result = new byte[bytes.length - less + piece.length];
    System.arraycopy(bytes, 0, result, 0, at);
    System.arraycopy(piece, 0, result, at, piece.length);
    System.arraycopy(bytes, at + less, result, at + piece.length, bytes.length - at - less);
    boolean parquet =
        bytes.length > 12
            && result.length > 12
            && bytes[0] == 'P'
            && bytes[bytes.length - 1] == '1'
            && result[result.length - 1] == '1';
    if (parquet && random.nextInt(4) > 0) {
      ByteBuffer before = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      int footer = before.getInt(bytes.length - 8);
      if (at >= bytes.length - 8 - footer && at + less <= bytes.length - 8) {
        ByteBuffer.wrap(result)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(result.length - 8, footer + piece.length - less);
      }
    }
    return result;
  }
}
