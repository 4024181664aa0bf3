package dev.ontogeny.data;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.hadoop.CodecFactory;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/**
 * Parquet's codecs, which take a page's header at its word and make room for two gigabytes if it
 * says so: here no page unfolds to more than its codec could have folded.
 */
final class BoundedCodecs implements CompressionCodecFactory {
  /** Whatever is folded. */
  private static final long ALWAYS = 1 << 16;

  private final CompressionCodecFactory codecs;

  BoundedCodecs(Configuration configuration) {
    codecs = new CodecFactory(configuration, 0);
  }

  /**
   * Fails where a page cannot be of that size.
   *
   * @param stored bytes in the file
   * @param unfolded bytes that its header gives
   */
  static void require(CompressionCodecName codec, long stored, long unfolded) throws IOException {
    if (unfolded < 0 || unfolded > ALWAYS + most(codec) * stored) {
      throw new IOException(
          "a page of " + stored + " bytes cannot unfold to " + unfolded + " (" + codec + ")");
    }
  }

  /** How many times as large what a codec folds can be, by its format. */
  private static long most(CompressionCodecName codec) {
    return switch (codec) {
      case UNCOMPRESSED -> 1;
      // Copies of 64 bytes in two.
      case SNAPPY -> 32;
      case LZ4, LZ4_RAW -> 255;
      case GZIP -> 1032;
      // A block of 128 KiB of one byte in four.
      default -> 1 << 15;
    };
  }

  @Override
  public BytesInputCompressor getCompressor(CompressionCodecName codec) {
    return codecs.getCompressor(codec);
  }

  @Override
  public BytesInputDecompressor getDecompressor(CompressionCodecName codec) {
    BytesInputDecompressor parquet = codecs.getDecompressor(codec);
    return new BytesInputDecompressor() {
      @Override
      public BytesInput decompress(BytesInput stored, int unfolded) throws IOException {
        require(codec, stored.size(), unfolded);
        return parquet.decompress(stored, unfolded);
      }

      @Override
      public void decompress(ByteBuffer stored, int from, ByteBuffer into, int unfolded)
          throws IOException {
        require(codec, from, unfolded);
        parquet.decompress(stored, from, into, unfolded);
      }

      @Override
      public void release() {
        parquet.release();
      }
    };
  }

  @Override
  public void release() {
    codecs.release();
  }
}
