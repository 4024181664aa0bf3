package dev.ontogeny.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * A store as runs of one process see it that may die: {@code mortal://who/path} is that local path
 * for the run of that name, until it has asked as often as it may; from then on nothing that it
 * asks for happens, as with a process that was killed. As on a store of objects a file is there
 * when it is closed. Where it is conditional it refuses a second file of a name, like S3; elsewhere
 * a move does not replace, like HDFS.
 */
final class MortalStore extends RawLocalFileSystem {
  static final String SCHEME = "mortal";

  private static final Map<String, AtomicInteger> LEFT = new ConcurrentHashMap<>();
  private static volatile boolean conditional;

  private URI uri;

  /** What a run is told that is dead. */
  static final class Killed extends IOException {
    private static final long serialVersionUID = 1;

    Killed() {
      super("killed");
    }
  }

  static void register(Configuration configuration) {
    configuration.set("fs." + SCHEME + ".impl", MortalStore.class.getName());
  }

  static void conditional(boolean refusesSecondFiles) {
    conditional = refusesSecondFiles;
  }

  /** A folder as a run sees it that may ask so often. */
  static Folder folder(java.nio.file.Path path, String who, int requests) {
    LEFT.put(who, new AtomicInteger(requests));
    return Folder.of(SCHEME + "://" + who + path);
  }

  @Override
  public void initialize(URI name, Configuration configuration) throws IOException {
    super.initialize(name, configuration);
    uri = URI.create(name.getScheme() + "://" + name.getAuthority());
  }

  @Override
  public URI getUri() {
    return uri == null ? super.getUri() : uri;
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  private void request() throws IOException {
    if (LEFT.get(uri.getAuthority()).getAndDecrement() <= 0) {
      LEFT.get(uri.getAuthority()).set(0);
      throw new Killed();
    }
    // Requests of several runs come in any order.
    if (ThreadLocalRandom.current().nextInt(4) == 0) {
      LockSupport.parkNanos(1000L * ThreadLocalRandom.current().nextInt(300));
    }
  }

  @Override
  public boolean hasPathCapability(Path path, String capability) throws IOException {
    return capability.equals(CommonPathCapabilities.ABORTABLE_STREAM)
        ? conditional
        : super.hasPathCapability(path, capability);
  }

  /** Its own check knows local files alone. */
  @Override
  protected void checkPath(Path path) {
    String scheme = path.toUri().getScheme();
    if (scheme != null && !scheme.equals(SCHEME)) {
      throw new IllegalArgumentException(path + " is not of this store");
    }
  }

  @Override
  public java.io.File pathToFile(Path path) {
    return new java.io.File(path.toUri().getPath());
  }

  @Override
  public FSDataInputStream open(Path path, int buffer) throws IOException {
    request();
    return super.open(path, buffer);
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    request();
    return plain(super.getFileStatus(path));
  }

  /** Without permissions, for which its own would look at a local file of that address. */
  private static FileStatus plain(FileStatus status) {
    return new FileStatus(
        status.getLen(),
        status.isDirectory(),
        1,
        status.getBlockSize(),
        status.getModificationTime(),
        status.getPath());
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    request();
    return Arrays.stream(super.listStatus(path)).map(MortalStore::plain).toArray(FileStatus[]::new);
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    request();
    return super.delete(path, recursive);
  }

  /** Folders come with what lies in them. */
  @Override
  public boolean mkdirs(Path path) {
    return true;
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) {
    return true;
  }

  @Override
  public void setPermission(Path path, FsPermission permission) {
    // There are none.
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    request();
    try {
      Files.createLink(pathToFile(to).toPath(), pathToFile(from).toPath());
    } catch (java.nio.file.FileAlreadyExistsException there) {
      return false;
    }
    Files.delete(pathToFile(from).toPath());
    return true;
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
    return create(path, overwrite);
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
    return create(path, overwrite);
  }

  @Override
  public FSDataOutputStream createNonRecursive(
      Path path,
      FsPermission permission,
      EnumSet<CreateFlag> flags,
      int buffer,
      short replication,
      long block,
      Progressable progress)
      throws IOException {
    return create(path, flags.contains(CreateFlag.OVERWRITE));
  }

  @Override
  public FSDataOutputStream create(Path path, boolean overwrite) throws IOException {
    request();
    java.nio.file.Path file = pathToFile(path).toPath();
    ByteArrayOutputStream bytes =
        new ByteArrayOutputStream() {
          private boolean closed;

          @Override
          public void close() throws IOException {
            if (!closed) {
              closed = true;
              request();
              put(file, toByteArray(), overwrite);
            }
          }
        };
    return new FSDataOutputStream(bytes, null);
  }

  private static void put(java.nio.file.Path file, byte[] bytes, boolean overwrite)
      throws IOException {
    java.nio.file.Path whole = Files.createTempFile("mortal", null);
    Files.write(whole, bytes);
    // Folders are there as long as something lies in them; somebody may just be taking one away.
    for (int again = 0; ; again++) {
      try {
        Files.createDirectories(file.getParent());
        if (overwrite) {
          Files.move(
              whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } else {
          Files.createLink(file, whole);
          Files.delete(whole);
        }
        return;
      } catch (java.nio.file.FileAlreadyExistsException there) {
        if (Files.isRegularFile(file)) {
          throw new FileAlreadyExistsException(file.toString());
        }
        requireFew(again, there);
      } catch (java.nio.file.NoSuchFileException swept) {
        requireFew(again, swept);
      }
    }
  }

  private static void requireFew(int again, IOException last) throws IOException {
    if (again > 1000) {
      throw last;
    }
  }
}
