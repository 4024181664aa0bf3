package dev.ontogeny.job;

import java.io.IOException;
import java.net.URI;
import java.util.function.Supplier;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/** Local files under {@code flaky:}, as a store that fails when a test wants it to. */
public final class FlakyFileSystem extends RawLocalFileSystem {
  /** What a store may fail at. */
  enum Operation {
    LIST,
    STATUS,
    OPEN,
    READ,
    CREATE
  }

  private static volatile Operation failing;
  private static volatile String below;
  private static volatile Supplier<IOException> failure;

  /** From now on an operation fails on paths that contain {@code path}. */
  static void fail(Operation operation, String path, Supplier<IOException> with) {
    failing = operation;
    below = path;
    failure = with;
  }

  /** From now on nothing fails. */
  static void heal() {
    failing = null;
  }

  private static void check(Operation operation, Path path) throws IOException {
    if (operation == failing && path.toString().contains(below)) {
      throw failure.get();
    }
  }

  @Override
  public URI getUri() {
    return URI.create("flaky:///");
  }

  @Override
  public String getScheme() {
    return "flaky";
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    check(Operation.LIST, path);
    FileStatus[] all = super.listStatus(path);
    for (int i = 0; i < all.length; i++) {
      all[i] = plain(all[i]);
    }
    return all;
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    check(Operation.STATUS, path);
    return plain(super.getFileStatus(path));
  }

  /** Without permissions, which are looked up by the names of local files. */
  private static FileStatus plain(FileStatus of) {
    return new FileStatus(
        of.getLen(),
        of.isDirectory(),
        1,
        of.getBlockSize(),
        of.getModificationTime(),
        of.getPath());
  }

  @Override
  public FSDataInputStream open(Path path, int buffer) throws IOException {
    check(Operation.OPEN, path);
    return new FSDataInputStream(new Reading(super.open(path, buffer), path));
  }

  @Override
  public FSDataOutputStream create(
      Path path,
      FsPermission permission,
      boolean overwrite,
      int buffer,
      short replication,
      long block,
      Progressable progress)
      throws IOException {
    check(Operation.CREATE, path);
    return super.create(path, permission, overwrite, buffer, replication, block, progress);
  }

  @Override
  public FSDataOutputStream create(
      Path path,
      boolean overwrite,
      int buffer,
      short replication,
      long block,
      Progressable progress)
      throws IOException {
    check(Operation.CREATE, path);
    return super.create(path, overwrite, buffer, replication, block, progress);
  }

  private static final class Reading extends org.apache.hadoop.fs.FSInputStream {
    private final FSDataInputStream in;
    private final Path path;

    Reading(FSDataInputStream in, Path path) {
      this.in = in;
      this.path = path;
    }

    @Override
    public void seek(long position) throws IOException {
      in.seek(position);
    }

    @Override
    public long getPos() throws IOException {
      return in.getPos();
    }

    @Override
    public boolean seekToNewSource(long position) {
      return false;
    }

    @Override
    public int read() throws IOException {
      check(Operation.READ, path);
      return in.read();
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
      check(Operation.READ, path);
      return in.read(into, from, length);
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
