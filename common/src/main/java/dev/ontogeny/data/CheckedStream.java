package dev.ontogeny.data;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;

/** Counts and digests what goes through it. */
final class CheckedStream extends FilterOutputStream {
  /**
   * How many bytes are passed on at a time: fewer than a file's buffer holds, so that it is filled
   * before it is written. Linux writes a local file several times faster this way than megabyte by
   * megabyte, for each of which Java allocates new memory.
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
