package dev.ontogeny.data;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.apache.parquet.io.api.Binary;

/**
 * Texts out of bytes, without loss. A token of a byte-level vocabulary may be part of a character:
 * each byte that is no UTF-8 becomes {@code <0xE2>}, as SentencePiece names its tokens of single
 * bytes. Two such tokens stay two, and whoever shows them one after another can make characters of
 * them again.
 */
final class Texts {
  private static final char REPLACEMENT = '\uFFFD';

  /** As long as {@code <0xE2>}. */
  private static final int BYTE = 6;

  private Texts() {}

  /** The text of a column's value. */
  static String of(Binary value) {
    String text = value.toStringUsingUTF8();
    return text.indexOf(REPLACEMENT) < 0 ? text : of(value.toByteBuffer());
  }

  private static String of(ByteBuffer bytes) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    CharBuffer out = CharBuffer.allocate(BYTE * bytes.remaining());
    while (true) {
      CoderResult result = decoder.decode(bytes, out, true);
      if (result.isUnderflow()) {
        return out.flip().toString();
      }
      for (int i = 0; i < result.length(); i++) {
        out.put(String.format(Locale.ROOT, "<0x%02X>", bytes.get() & 0xff));
      }
      decoder.reset();
    }
  }
}
