package dev.ontogeny.data;

import dev.ontogeny.data.VectorForm.Layout;
import dev.ontogeny.data.VectorForm.NumberType;
import java.io.Closeable;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.bytes.ByteBufferInputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Dictionary;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.ValuesType;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.values.ValuesReader;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.schema.Type;

/**
 * The vectors of one row group, row by row, as the little-endian bytes that a dataset stores. Plain
 * pages are copied or converted in bulk, dictionary pages go from ids to stored numbers through a
 * table; every other encoding goes through Parquet's own decoders, value by value.
 */
final class VectorColumn implements Closeable {
  /** What {@link #next} tells of bytes that are null; a list that is null has no numbers. */
  static final int ABSENT = -1;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private enum Mode {
    PLAIN,
    IDS,
    GENERAL
  }

  private final ColumnDescriptor descriptor;
  private final VectorForm form;
  private final VectorType type;
  private int width;
  private final PageStream pages;
  private final int maximumDefinition;
  private final boolean elementsMayBeNull;
  private final RunDecoder repetition = new RunDecoder();
  private final RunDecoder definition = new RunDecoder();
  private final RunDecoder ids = new RunDecoder();
  private final int[] idBlock = new int[512];

  private Mode mode;
  private int levels;
  private int at;
  private int[] table;
  private boolean[] beyond;
  private int nulls;
  private boolean overflowed;
  private DictionaryPage dictionaryPage;
  private Dictionary dictionary;
  private ValuesReader general;

  /**
   * Opens the column of one row group.
   *
   * @param form with its number decided
   * @param type what the bytes shall be
   * @param digests takes the digest of the column's pages; null for none
   */
  VectorColumn(
      InputFile file,
      ColumnChunkMetaData chunk,
      ColumnDescriptor descriptor,
      VectorForm form,
      VectorType type,
      PageDigests digests,
      Configuration configuration)
      throws IOException {
    this.descriptor = descriptor;
    this.form = form;
    this.type = type;
    this.maximumDefinition = descriptor.getMaxDefinitionLevel();
    this.elementsMayBeNull = descriptor.getPrimitiveType().isRepetition(Type.Repetition.OPTIONAL);
    this.pages =
        new PageStream(
            file,
            chunk,
            descriptor.getMaxRepetitionLevel(),
            maximumDefinition,
            digests,
            configuration);
  }

  /**
   * The next row's vector into {@code out} from {@code offset} on.
   *
   * @param expected numbers of a vector; a row of another length is passed over
   * @return how many numbers the row has: the vector is in place if this is the width, otherwise
   *     the bytes mean nothing; {@link #ABSENT} for null
   * @throws IOException if the file ends early or is damaged
   */
  int next(byte[] out, int offset, int expected) throws IOException {
    width = expected;
    nulls = 0;
    overflowed = false;
    ensureLevels();
    return form.layout() == Layout.LIST ? list(out, offset) : bytes(out, offset);
  }

  /** How many numbers of the last vector are null; they count as numbers. */
  int nulls() {
    return nulls;
  }

  /** Whether a finite number of the last vector is beyond what the bytes can hold. */
  boolean overflowed() {
    return overflowed;
  }

  private void ensureLevels() throws IOException {
    while (levels == 0) {
      if (!nextPage()) {
        throw new IOException("the column ends before the rows of its row group");
      }
    }
  }

  private int list(byte[] out, int offset) throws IOException {
    int start = repetition.read();
    if (start != 0) {
      throw new IOException("a row group begins within a row");
    }
    int found = 0;
    int first = 1;
    while (true) {
      int length = first + repetition.pass(1, levels - first);
      int present = definition.pass(maximumDefinition, length);
      found += numbers(out, offset, found, present);
      for (int seen = present; seen < length; ) {
        // A null within the list, which keeps its place; or an empty list, or no list at all.
        if (definition.read() == maximumDefinition - 1 && elementsMayBeNull) {
          nulls++;
          found++;
        }
        seen++;
        int more = definition.pass(maximumDefinition, length - seen);
        found += numbers(out, offset, found, more);
        seen += more;
      }
      levels -= length;
      if (levels > 0 || !nextPage()) {
        break;
      }
      // A row may go on in the next page, which then begins with a level of 1.
      int more = repetition.pass(1, levels);
      if (more == 0) {
        break;
      }
      // That was a look ahead.
      pages.repetitionLevels(repetition);
      first = 0;
    }
    return found;
  }

  private int bytes(byte[] out, int offset) throws IOException {
    levels--;
    if (maximumDefinition > 0 && definition.read() < maximumDefinition) {
      return ABSENT;
    }
    byte[] source;
    int from;
    int length;
    if (mode == Mode.PLAIN) {
      source = pages.page();
      if (form.layout() == Layout.FIXED) {
        length = form.length();
      } else {
        requireData(4);
        length = (int) INT.get(source, at);
        at += 4;
      }
      requireData(length);
      from = at;
      at += length;
    } else {
      ByteBuffer value = general.readBytes().toByteBuffer();
      source = new byte[value.remaining() + Long.BYTES];
      from = 0;
      length = value.remaining();
      value.get(source, 0, length);
    }
    int count = length / form.number().bytes();
    if (count == width && length % form.number().bytes() == 0) {
      convert(source, from, out, offset, count);
      return count;
    }
    return length % form.number().bytes() == 0 ? count : count + (count + 1 == width ? 2 : 1);
  }

  private void requireData(int length) throws IOException {
    if (length < 0 || length > pages.dataTo() - at) {
      throw new IOException("a page ends before its values");
    }
  }

  /** The next {@code count} numbers of a list, of which {@code before} are in place. */
  private int numbers(byte[] out, int offset, int before, int count) throws IOException {
    int fit = Math.max(0, Math.min(count, width - before));
    int to = offset + before * type.bytes();
    switch (mode) {
      case PLAIN:
        int size = form.stored();
        requireData(Math.multiplyExact(count, size));
        convert(pages.page(), at, out, to, fit);
        at += count * size;
        break;
      case IDS:
        for (int done = 0; done < count; ) {
          int block = Math.min(idBlock.length, count - done);
          ids.read(idBlock, 0, block);
          int keep = Math.min(block, fit - done);
          for (int i = 0; beyond != null && i < keep; i++) {
            overflowed |= beyond[idBlock[i]];
          }
          if (type == VectorType.FLOAT16) {
            for (int i = 0; i < keep; i++) {
              SHORT.set(out, to + 2 * (done + i), (short) table[idBlock[i]]);
            }
          } else {
            for (int i = 0; i < keep; i++) {
              INT.set(out, to + 4 * (done + i), table[idBlock[i]]);
            }
          }
          done += block;
        }
        break;
      case GENERAL:
        for (int i = 0; i < count; i++) {
          float value = generalNumber();
          if (i < fit) {
            put(out, to + i * type.bytes(), value);
          }
        }
        break;
    }
    return count;
  }

  private float generalNumber() {
    return switch (form.number()) {
      case FLOAT32 -> general.readFloat();
      case FLOAT64 -> single(general.readDouble());
      case FLOAT16 -> Half.toFloat(generalBits());
      case BFLOAT16 -> Half.fromBfloat16(generalBits());
    };
  }

  private short generalBits() {
    if (form.integers()) {
      return (short) general.readInteger();
    }
    ByteBuffer bits = general.readBytes().toByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    return bits.getShort(bits.position());
  }

  private float single(double value) {
    float single = (float) value;
    overflowed |= Float.isInfinite(single) && !Double.isInfinite(value);
    return single;
  }

  private short half(float value) {
    short half = Half.fromFloat(value);
    overflowed |= (half & 0x7fff) == 0x7c00 && !Float.isInfinite(value);
    return half;
  }

  private void put(byte[] out, int to, float value) {
    if (type == VectorType.FLOAT16) {
      SHORT.set(out, to, half(value));
    } else {
      INT.set(out, to, Float.floatToRawIntBits(value));
    }
  }

  /** Numbers of the form's type to numbers of the stored type. */
  private void convert(byte[] from, int start, byte[] to, int offset, int count) {
    if (sameBytes()) {
      System.arraycopy(from, start, to, offset, count * type.bytes());
      return;
    }
    for (int i = 0; i < count; i++) {
      put(to, offset + i * type.bytes(), number(from, start, i));
    }
  }

  private boolean sameBytes() {
    return form.number() == (type == VectorType.FLOAT16 ? NumberType.FLOAT16 : NumberType.FLOAT32)
        && !form.integers();
  }

  private float number(byte[] from, int start, int index) {
    return switch (form.number()) {
      case FLOAT16 -> Half.toFloat(bits(from, start, index));
      case BFLOAT16 -> Half.fromBfloat16(bits(from, start, index));
      case FLOAT32 -> Float.intBitsToFloat((int) INT.get(from, start + 4 * index));
      case FLOAT64 -> single(Double.longBitsToDouble((long) LONG.get(from, start + 8 * index)));
    };
  }

  private short bits(byte[] from, int start, int index) {
    return (short) SHORT.get(from, start + (form.integers() ? 4 : 2) * index);
  }

  private boolean nextPage() throws IOException {
    do {
      if (!pages.next()) {
        levels = 0;
        return false;
      }
      if (pages.isDictionary()) {
        keepDictionary();
      }
    } while (pages.isDictionary());
    levels = pages.values();
    pages.repetitionLevels(repetition);
    pages.definitionLevels(definition);
    at = pages.dataFrom();
    Encoding encoding = pages.encoding();
    if (encoding == Encoding.PLAIN) {
      mode = Mode.PLAIN;
    } else if (encoding.usesDictionary() && form.layout() == Layout.LIST) {
      if (table == null) {
        throw new IOException("a page needs a dictionary and the column has none");
      }
      mode = Mode.IDS;
      int bits = at < pages.dataTo() ? pages.page()[at] : 0;
      ids.reset(pages.page(), at + 1, pages.dataTo(), bits);
    } else {
      mode = Mode.GENERAL;
      byte[] data = pages.copyOfData();
      if (encoding.usesDictionary()) {
        if (dictionaryPage == null) {
          throw new IOException("a page needs a dictionary and the column has none");
        }
        if (dictionary == null) {
          dictionary = dictionaryPage.getEncoding().initDictionary(descriptor, dictionaryPage);
        }
        general =
            encoding.getDictionaryBasedValuesReader(descriptor, ValuesType.VALUES, dictionary);
      } else {
        general = encoding.getValuesReader(descriptor, ValuesType.VALUES);
      }
      general.initFromPage(levels, ByteBufferInputStream.wrap(ByteBuffer.wrap(data)));
    }
    return true;
  }

  private void keepDictionary() throws IOException {
    byte[] data = pages.copyOfData();
    int count = pages.values();
    if (form.layout() != Layout.LIST) {
      dictionaryPage = new DictionaryPage(BytesInput.from(data), count, Encoding.PLAIN);
      return;
    }
    if ((long) count * form.stored() > data.length) {
      throw new IOException("a dictionary ends before its values");
    }
    table = new int[count];
    beyond = null;
    boolean before = overflowed;
    for (int i = 0; i < count; i++) {
      if (sameBytes() && type == VectorType.FLOAT16) {
        table[i] = (short) SHORT.get(data, 2 * i);
        continue;
      }
      overflowed = false;
      float value = number(data, 0, i);
      table[i] = type == VectorType.FLOAT16 ? half(value) : Float.floatToRawIntBits(value);
      if (overflowed) {
        beyond = beyond == null ? new boolean[count] : beyond;
        beyond[i] = true;
      }
    }
    overflowed = before;
  }

  @Override
  public void close() throws IOException {
    pages.close();
  }
}
