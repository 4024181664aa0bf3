package dev.ontogeny.spark;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.spark.serializer.DeserializationStream;
import org.apache.spark.serializer.SerializationStream;
import org.apache.spark.serializer.Serializer;
import org.apache.spark.serializer.SerializerInstance;
import scala.reflect.ClassTag;

/**
 * Carries pairs of a partition's number and bytes through a shuffle: a length and the bytes,
 * nothing else; the key, which only chooses the partition, is not written and comes back as 0.
 * Records can be moved as they are, so that Spark sorts them by partition without opening them, and
 * its writers keep no object alive.
 */
final class BytesSerializer extends Serializer implements Serializable {
  private static final long serialVersionUID = 1;
  private static final int LARGEST = 1 << 30;

  @Override
  public SerializerInstance newInstance() {
    return new Instance();
  }

  @Override
  public boolean supportsRelocationOfSerializedObjects() {
    return true;
  }

  private static final class Instance extends SerializerInstance {
    @Override
    public <T> ByteBuffer serialize(T object, ClassTag<T> tag) {
      return ByteBuffer.wrap(((byte[]) object).clone());
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T deserialize(ByteBuffer bytes, ClassTag<T> tag) {
      byte[] copy = new byte[bytes.remaining()];
      bytes.duplicate().get(copy);
      return (T) copy;
    }

    @Override
    public <T> T deserialize(ByteBuffer bytes, ClassLoader loader, ClassTag<T> tag) {
      return deserialize(bytes, tag);
    }

    @Override
    public SerializationStream serializeStream(OutputStream out) {
      return new Out(out);
    }

    @Override
    public DeserializationStream deserializeStream(InputStream in) {
      return new In(in);
    }
  }

  private static final class Out extends SerializationStream {
    private final OutputStream out;
    private final byte[] length = new byte[Integer.BYTES];

    Out(OutputStream out) {
      this.out = out;
    }

    @Override
    public <T> SerializationStream writeKey(T key, ClassTag<T> tag) {
      return this;
    }

    @Override
    public <T> SerializationStream writeValue(T value, ClassTag<T> tag) {
      return writeObject(value, tag);
    }

    @Override
    public <T> SerializationStream writeObject(T object, ClassTag<T> tag) {
      byte[] bytes = (byte[]) object;
      length[0] = (byte) (bytes.length >>> 24);
      length[1] = (byte) (bytes.length >>> 16);
      length[2] = (byte) (bytes.length >>> 8);
      length[3] = (byte) bytes.length;
      try {
        out.write(length);
        out.write(bytes);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return this;
    }

    @Override
    public void flush() {
      try {
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() {
      try {
        out.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static final class In extends DeserializationStream {
    private static final Integer ARRIVED = 0;

    private final DataInputStream in;
    private int length;

    In(InputStream in) {
      this.in = new DataInputStream(new BufferedInputStream(in, 1 << 16));
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T readKey(ClassTag<T> tag) {
      readLength();
      return (T) ARRIVED;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T readValue(ClassTag<T> tag) {
      try {
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return (T) bytes;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public <T> T readObject(ClassTag<T> tag) {
      readLength();
      return readValue(tag);
    }

    /** Spark takes an EOFException for the end of the stream. */
    private void readLength() {
      try {
        length = in.readInt();
      } catch (EOFException e) {
        throw sneaky(e);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      if (length < 0 || length > LARGEST) {
        throw new UncheckedIOException(
            new IOException("a shuffled record claims " + length + " bytes"));
      }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> RuntimeException sneaky(Throwable thrown) throws E {
      throw (E) thrown;
    }

    @Override
    public void close() {
      try {
        in.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
