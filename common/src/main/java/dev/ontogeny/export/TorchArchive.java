package dev.ontogeny.export;

import dev.ontogeny.dictionary.Safetensors.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * What {@code torch.save} writes of a dictionary of tensors: a zip archive that stores a pickle of
 * names, shapes and keys, and one file of numbers for each key. {@code torch.load} reads it with
 * {@code weights_only}. {@link TorchFile} reads.
 */
final class TorchArchive {
  private static final int CHUNK = 1 << 16;

  /** Of the archive's layout. */
  private static final String VERSION = "3\n";

  /** The first one that a zip archive can tell; the same bytes at any time. */
  private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  private static final String ORDERED_DICT = "ccollections\nOrderedDict\n)R";

  private TorchArchive() {}

  /**
   * A tensor and how it is stored.
   *
   * @param type float32 or int32
   */
  record Stored(NumberType type, Tensor tensor) {
    static Stored of(Tensor tensor) {
      return new Stored(NumberType.F32, tensor);
    }

    /** A whole number without axes. */
    static Stored whole(int value) {
      return new Stored(NumberType.I32, new Tensor(new int[0], new float[] {value}));
    }

    /** A float without axes. */
    static Stored scalar(float value) {
      return of(new Tensor(new int[0], new float[] {value}));
    }

    private void writeTo(OutputStream out) throws IOException {
      float[] values = tensor.values();
      ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES * CHUNK).order(ByteOrder.LITTLE_ENDIAN);
      for (int at = 0; at < values.length; at += CHUNK) {
        int size = Math.min(CHUNK, values.length - at);
        buffer.clear();
        for (int i = at; i < at + size; i++) {
          if (type == NumberType.I32) {
            buffer.putInt((int) values[i]);
          } else {
            buffer.putFloat(values[i]);
          }
        }
        out.write(buffer.array(), 0, Integer.BYTES * size);
      }
    }
  }

  /**
   * Writes tensors in the map's order; does not close.
   *
   * @param name of the folder within the archive
   */
  static void write(String name, Map<String, Stored> tensors, OutputStream out) throws IOException {
    ZipOutputStream zip = new ZipOutputStream(out);
    store(zip, name + "/data.pkl", pickle(tensors)::writeTo);
    store(zip, name + "/byteorder", text("little"));
    int key = 0;
    for (Stored each : tensors.values()) {
      store(zip, name + "/data/" + key++, each::writeTo);
    }
    store(zip, name + "/version", text(VERSION));
    zip.finish();
  }

  /** What goes into a file of the archive. */
  @FunctionalInterface
  private interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  private static Content text(String text) {
    return out -> out.write(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Stored files say before they begin how long they are and what their checksum is. */
  private static void store(ZipOutputStream zip, String file, Content content) throws IOException {
    Counted counted = new Counted();
    CheckedOutputStream checked = new CheckedOutputStream(counted, new CRC32());
    content.writeTo(checked);
    ZipEntry entry = new ZipEntry(file);
    entry.setMethod(ZipEntry.STORED);
    entry.setTimeLocal(TIME);
    entry.setSize(counted.bytes);
    entry.setCompressedSize(counted.bytes);
    entry.setCrc(checked.getChecksum().getValue());
    zip.putNextEntry(entry);
    content.writeTo(zip);
    zip.closeEntry();
  }

  /** Forgets what it is given. */
  private static final class Counted extends OutputStream {
    private long bytes;

    @Override
    public void write(int one) {
      bytes++;
    }

    @Override
    public void write(byte[] from, int at, int count) {
      bytes += count;
    }
  }

  /** An ordered dictionary of names to tensors, in protocol 2. */
  private static ByteArrayOutputStream pickle(Map<String, Stored> tensors) {
    Pickle pickle = new Pickle();
    pickle.raw("\u0080\u0002").raw(ORDERED_DICT).raw("(");
    int key = 0;
    for (Map.Entry<String, Stored> each : tensors.entrySet()) {
      Tensor tensor = each.getValue().tensor();
      pickle.text(each.getKey()).raw("ctorch._utils\n_rebuild_tensor_v2\n((");
      pickle.text("storage").raw("ctorch\n" + each.getValue().type().torch() + "\n");
      pickle.text(Integer.toString(key++)).text("cpu").whole(tensor.values().length).raw("tQ");
      pickle.whole(0).shape(tensor.shape()).shape(strides(tensor.shape()));
      pickle.raw("\u0089").raw(ORDERED_DICT).raw("tR");
    }
    return pickle.raw("u.").bytes;
  }

  private static int[] strides(int[] shape) {
    int[] strides = new int[shape.length];
    int step = 1;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      strides[axis] = step;
      step *= shape[axis];
    }
    return strides;
  }

  /** Opcodes one after the other. */
  private static final class Pickle {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Pickle raw(String opcodes) {
      bytes.writeBytes(opcodes.getBytes(StandardCharsets.ISO_8859_1));
      return this;
    }

    Pickle text(String text) {
      byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
      raw("X").number(encoded.length).bytes.writeBytes(encoded);
      return this;
    }

    Pickle whole(int value) {
      return raw("J").number(value);
    }

    Pickle shape(int[] axes) {
      raw("(");
      for (int axis : axes) {
        whole(axis);
      }
      return raw("t");
    }

    private Pickle number(int value) {
      bytes.writeBytes(
          ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
      return this;
    }
  }
}
