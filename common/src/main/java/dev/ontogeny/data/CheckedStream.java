package dev.ontogeny.data;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;

/** Counts and digests what goes through it. */
final class CheckedStream extends FilterOutputStream {
  /**
   * Bytes that go on at a time: below the size of a file's buffer, which then passes on whole
   * buffers. Linux writes a local file several times faster so than by the megabyte, for which Java
   * gets new memory each time.
   */
  private static final int SLICE = 1 << 15;

  private final MessageDigest digest;
  private long written;

  CheckedStream(OutputStream out, MessageDigest digest) {
    super(out);
    this.digest = digest;
  }

  @Override
  public void write(int value) throws IOException {
    out.write(value);
    digest.update((byte) value);
    written++;
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    for (int done = 0; done < length; done += SLICE) {
      int slice = Math.min(SLICE, length - done);
      out.write(bytes, offset + done, slice);
      digest.update(bytes, offset + done, slice);
    }
    written += length;
  }

  long written() {
    return written;
  }
}
