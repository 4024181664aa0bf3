package dev.ontogeny.data;

import com.github.luben.zstd.Zstd;
import dev.ontogeny.run.Identity;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DataPageHeaderV2;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.CodecFactory;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.SeekableInputStream;
import org.xerial.snappy.Snappy;

/**
 * The pages of one column of one row group, one at a time. Parquet's own reader takes a whole
 * column of a row group into memory, and captures have row groups of a million vectors; here memory
 * is one page, stored and unfolded.
 */
final class PageStream implements Closeable {
  /** {@link RunDecoder} reads eight bytes at a time. */
  private static final int PADDING = 8;

  private final ColumnChunkMetaData chunk;
  private final int maximumRepetition;
  private final int maximumDefinition;
  private final PageDigests digests;
  private final SeekableInputStream file;
  private final InputStream in;
  private final MessageDigest digest = Identity.newDigest();
  private long undigested;
  private final CodecFactory codecs;
  private final long longest;
  private long valuesLeft;
  private byte[] stored = new byte[0];
  private byte[] page = new byte[0];

  // The page at hand: bytes [from, to) of page() for each part.
  private int values;
  private Encoding encoding;
  private int repetitionFrom;
  private int repetitionTo;
  private int definitionFrom;
  private int definitionTo;
  private int dataFrom;
  private int dataTo;
  private boolean dictionary;

  /**
   * Opens a chunk.
   *
   * @param digests takes the digest of the chunk once its last page was read; null for none
   */
  PageStream(
      InputFile source,
      ColumnChunkMetaData chunk,
      int maximumRepetition,
      int maximumDefinition,
      PageDigests digests,
      Configuration configuration)
      throws IOException {
    this.chunk = chunk;
    this.digests = digests;
    this.undigested = chunk.getTotalSize();
    this.maximumRepetition = maximumRepetition;
    this.maximumDefinition = maximumDefinition;
    this.codecs = new CodecFactory(configuration, 0);
    this.valuesLeft = chunk.getValueCount();
    this.longest = source.getLength() - chunk.getStartingPos();
    file = source.newStream();
    file.seek(chunk.getStartingPos());
    InputStream buffered = new BufferedInputStream(file, 1 << 16);
    in = digests == null ? buffered : new Digested(buffered);
  }

  /** Digests what is read of the chunk; what a buffer holds beyond is not read. */
  private final class Digested extends FilterInputStream {
    Digested(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int value = in.read();
      if (value >= 0 && undigested > 0) {
        digest.update((byte) value);
        undigested--;
      }
      return value;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
      int got = in.read(into, from, length);
      if (got > 0) {
        int within = (int) Math.min(got, undigested);
        digest.update(into, from, within);
        undigested -= within;
      }
      return got;
    }
  }

  /** Moves on to the next page; false after the last. */
  boolean next() throws IOException {
    while (valuesLeft > 0) {
      PageHeader header = Util.readPageHeader(in);
      int length = header.getCompressed_page_size();
      if (length < 0 || length > longest) {
        throw new IOException("a page would have " + length + " bytes, " + longest + " are there");
      }
      BoundedCodecs.require(chunk.getCodec(), length, header.getUncompressed_page_size());
      stored = atLeast(stored, length);
      if (in.readNBytes(stored, 0, length) < length) {
        throw new EOFException("the file ends within a page");
      }
      PageType type = header.getType();
      if (type == PageType.DICTIONARY_PAGE) {
        unfold(0, length, 0, header.getUncompressed_page_size(), true);
        values = header.getDictionary_page_header().getNum_values();
        if (values < 0) {
          throw new IOException("a dictionary of " + values + " values");
        }
        encoding = Encoding.PLAIN;
        dictionary = true;
        dataFrom = 0;
        dataTo = header.getUncompressed_page_size();
        return true;
      } else if (type == PageType.DATA_PAGE) {
        first(header);
        return true;
      } else if (type == PageType.DATA_PAGE_V2) {
        second(header, length);
        return true;
      }
    }
    return false;
  }

  private void first(PageHeader header) throws IOException {
    DataPageHeader data = header.getData_page_header();
    unfold(0, header.getCompressed_page_size(), 0, header.getUncompressed_page_size(), true);
    dictionary = false;
    take(data.getNum_values());
    encoding = Encoding.valueOf(data.getEncoding().name());
    int at = 0;
    if (maximumRepetition > 0) {
      requireRuns(data.getRepetition_level_encoding());
      repetitionFrom = at + 4;
      repetitionTo = repetitionFrom + length(at);
      at = repetitionTo;
    }
    if (maximumDefinition > 0) {
      requireRuns(data.getDefinition_level_encoding());
      definitionFrom = at + 4;
      definitionTo = definitionFrom + length(at);
      at = definitionTo;
    }
    dataFrom = at;
    dataTo = header.getUncompressed_page_size();
    if (dataFrom > dataTo) {
      throw new IOException("a page's levels are longer than the page");
    }
  }

  private void second(PageHeader header, int length) throws IOException {
    DataPageHeaderV2 data = header.getData_page_header_v2();
    int repetitions = data.getRepetition_levels_byte_length();
    int levels = repetitions + data.getDefinition_levels_byte_length();
    if (repetitions < 0
        || levels < repetitions
        || levels > Math.min(length, header.getUncompressed_page_size())) {
      throw new IOException("a page's levels are longer than the page");
    }
    unfold(
        levels,
        length - levels,
        levels,
        header.getUncompressed_page_size(),
        data.isIs_compressed());
    System.arraycopy(stored, 0, page, 0, levels);
    dictionary = false;
    take(data.getNum_values());
    encoding = Encoding.valueOf(data.getEncoding().name());
    repetitionFrom = 0;
    repetitionTo = data.getRepetition_levels_byte_length();
    definitionFrom = repetitionTo;
    definitionTo = levels;
    dataFrom = levels;
    dataTo = header.getUncompressed_page_size();
  }

  private void take(int count) throws IOException {
    if (count < 0 || count > valuesLeft) {
      throw new IOException("a page of " + count + " values where " + valuesLeft + " are left");
    }
    values = count;
    valuesLeft -= count;
  }

  private static void requireRuns(org.apache.parquet.format.Encoding levels) throws IOException {
    if (levels != org.apache.parquet.format.Encoding.RLE) {
      throw new IOException("levels in the deprecated encoding " + levels);
    }
  }

  private int length(int at) throws IOException {
    int length =
        (page[at] & 0xff)
            | (page[at + 1] & 0xff) << 8
            | (page[at + 2] & 0xff) << 16
            | (page[at + 3] & 0xff) << 24;
    if (length < 0 || length > page.length - at) {
      throw new IOException("a page's levels are longer than the page");
    }
    return length;
  }

  /** Stored bytes [from, from + length) to bytes [at, size) of the page. */
  private void unfold(int from, int length, int at, int size, boolean compressed)
      throws IOException {
    page = atLeast(page, size);
    int expected = size - at;
    if (expected == 0) {
      return;
    }
    CompressionCodecName codec = compressed ? chunk.getCodec() : CompressionCodecName.UNCOMPRESSED;
    switch (codec) {
      case UNCOMPRESSED:
        if (length != expected) {
          throw new IOException("a page of " + length + " bytes should have " + expected);
        }
        System.arraycopy(stored, from, page, at, expected);
        break;
      case ZSTD:
        long got = Zstd.decompressByteArray(page, at, expected, stored, from, length);
        if (got != expected) {
          throw new IOException(
              "a page does not unfold: "
                  + (Zstd.isError(got) ? Zstd.getErrorName(got) : got + " bytes"));
        }
        break;
      case SNAPPY:
        if (Snappy.uncompressedLength(stored, from, length) != expected) {
          throw new IOException("a page does not unfold to the size that its header gives");
        }
        Snappy.uncompress(stored, from, length, page, at);
        break;
      default:
        int unfolded =
            codecs
                .getDecompressor(codec)
                .decompress(BytesInput.from(stored, from, length), expected)
                .toInputStream()
                .readNBytes(page, at, expected);
        if (unfolded != expected) {
          throw new IOException("a page unfolds to " + unfolded + " bytes of " + expected);
        }
    }
  }

  private static byte[] atLeast(byte[] buffer, int size) {
    return buffer.length >= size + PADDING
        ? buffer
        : new byte[Math.max(size + PADDING, Math.min(2 * buffer.length, 1 << 24))];
  }

  byte[] page() {
    return page;
  }

  /** Levels, and with them values and absences, of this page. */
  int values() {
    return values;
  }

  Encoding encoding() {
    return encoding;
  }

  boolean isDictionary() {
    return dictionary;
  }

  int dataFrom() {
    return dataFrom;
  }

  int dataTo() {
    return dataTo;
  }

  void repetitionLevels(RunDecoder into) {
    into.reset(page, repetitionFrom, repetitionTo, bitWidth(maximumRepetition));
  }

  void definitionLevels(RunDecoder into) {
    into.reset(page, definitionFrom, definitionTo, bitWidth(maximumDefinition));
  }

  /** The data part on its own, for Parquet's decoders, which keep what they are given. */
  byte[] copyOfData() {
    return Arrays.copyOfRange(page, dataFrom, dataTo);
  }

  static int bitWidth(int maximum) {
    return 32 - Integer.numberOfLeadingZeros(maximum);
  }

  @Override
  public void close() throws IOException {
    if (digests != null && valuesLeft <= 0) {
      while (undigested > 0 && in.read(stored, 0, stored.length) > 0) {
        // What may follow the last page belongs to the chunk.
      }
      digests.add(chunk, digest.digest());
    }
    codecs.release();
    in.close();
  }
}
