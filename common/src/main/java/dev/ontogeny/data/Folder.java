package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.util.functional.RemoteIterators;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;

/**
 * A folder on any file system that Hadoop knows. Only its location crosses the wire; each JVM opens
 * the file system with Spark's own settings.
 */
public record Folder(String location) implements Serializable {
  private static final String FOR_HADOOP = "spark.hadoop.";
  private static final int LOCAL_BUFFER = 1 << 16;
  private static final int LONGEST_NAME = 160;

  /** A local path or a URI, made absolute. */
  public static Folder of(String location) {
    try {
      Path path = new Path(location);
      Path qualified = path.getFileSystem(configuration()).makeQualified(path);
      StoreProbe.ask(qualified, configuration());
      return new Folder(qualified.toString());
    } catch (IllegalArgumentException e) {
      throw Failure.settings("'%s' is not a path: %s", location, e.getMessage()).causedBy(e);
    } catch (IOException e) {
      throw Failure.resources("the store of %s cannot be reached: %s", location, e.getMessage())
          .causedBy(e);
    }
  }

  /**
   * Hadoop's configuration as Spark has it, on the driver and on executors; before Spark has
   * started, what spark-submit was told of it. It is shared, since reading its defaults takes
   * longer than reading a small file: whoever wants to set something makes a copy.
   */
  public static Configuration configuration() {
    SparkEnv env = SparkEnv.get();
    Shared known = shared;
    if (known == null || known.env != env) {
      known =
          new Shared(
              env, env == null ? submitted() : SparkHadoopUtil.get().newConfiguration(env.conf()));
      shared = known;
    }
    return known.configuration;
  }

  /** What spark-submit passes on as properties of the process, in Hadoop's own names. */
  private static Configuration submitted() {
    Configuration configuration = new Configuration();
    for (String key : System.getProperties().stringPropertyNames()) {
      if (key.startsWith(FOR_HADOOP)) {
        configuration.set(key.substring(FOR_HADOOP.length()), System.getProperty(key));
      }
    }
    return configuration;
  }

  /** A configuration and whose it is; null outside of Spark. */
  private record Shared(SparkEnv env, Configuration configuration) {}

  private static volatile Shared shared;

  /** The full location of a file in this folder. */
  public String resolve(String relative) {
    return path(relative).toString();
  }

  /**
   * A file in this folder; names may hold colons, which Hadoop's own joining of paths refuses.
   *
   * @throws Failure of data if the path leads out of the folder: names come from files
   */
  public Path path(String relative) {
    if (relative.contains("..") && Arrays.asList(relative.split("/", -1)).contains("..")) {
      throw Failure.data("'%s' leads out of %s", relative, this);
    }
    return new Path(location + "/" + relative);
  }

  /**
   * A text as the name of a file or folder: what a path or an address cannot hold becomes {@code
   * %XX}.
   */
  public static String safeName(String text) {
    StringBuilder safe = new StringBuilder();
    for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
      boolean plain =
          (each >= 'a' && each <= 'z')
              || (each >= 'A' && each <= 'Z')
              || (each >= '0' && each <= '9')
              || "_-".indexOf(each) >= 0
              || (each == '.' && safe.length() > 0);
      safe.append(plain ? String.valueOf((char) each) : String.format(Locale.ROOT, "%%%02X", each));
    }
    // File systems take 255 bytes, and a few more are added to it.
    return safe.length() <= LONGEST_NAME
        ? safe.toString()
        : safe.substring(0, LONGEST_NAME - 33)
            + "-"
            + Identity.sha256(text.getBytes(StandardCharsets.UTF_8)).substring(0, 32);
  }

  /** The file system of this folder. */
  public FileSystem fileSystem() throws IOException {
    FileSystem fileSystem = new Path(location).getFileSystem(configuration());
    if (fileSystem instanceof LocalFileSystem local) {
      // Manifests hold checksums: no hidden .crc file beside every file that is published.
      local.setWriteChecksum(false);
    }
    return fileSystem;
  }

  public boolean exists(String relative) throws IOException {
    return fileSystem().exists(path(relative));
  }

  public FSDataInputStream open(String relative) throws IOException {
    return fileSystem().open(path(relative));
  }

  /** Creates a file, replacing one of the same name. */
  public FSDataOutputStream create(String relative) throws IOException {
    FileSystem fileSystem = fileSystem();
    Path path = path(relative);
    if (fileSystem instanceof LocalFileSystem local) {
      // Given a mode, Hadoop starts a chmod for every file, and one for every folder that it makes;
      // that takes longer than writing a small file. Given none, the umask of this process decides,
      // as anywhere else. A folder that cannot be made here Hadoop tries again, and says why not.
      local.pathToFile(path).getParentFile().mkdirs();
      return fileSystem.create(
          path,
          null,
          true,
          LOCAL_BUFFER,
          fileSystem.getDefaultReplication(path),
          fileSystem.getDefaultBlockSize(path),
          null);
    }
    return fileSystem.create(path, true);
  }

  /** The whole of a small UTF-8 file. */
  public String readText(String relative) throws IOException, FileNotFoundException {
    try (InputStream in = open(relative)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** Writes a small file in one call. */
  public void writeText(String relative, String text) throws IOException {
    try (OutputStream out = create(relative)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Writes a small file in place of one of that name: readers see the old or the new one. */
  public void replaceText(String relative, String text) throws IOException {
    FileSystem fileSystem = fileSystem();
    Path path = path(relative);
    if (!(fileSystem instanceof LocalFileSystem local)) {
      if (fileSystem.hasPathCapability(path, CommonPathCapabilities.ABORTABLE_STREAM)) {
        // Visible only once it is closed.
        writeText(relative, text);
      } else {
        moveOver(fileSystem, path, relative, text);
      }
      return;
    }
    java.nio.file.Path to = local.pathToFile(path).toPath();
    Files.createDirectories(to.getParent());
    java.nio.file.Path from = to.resolveSibling(to.getFileName() + ".new");
    Files.writeString(from, text);
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  private void moveOver(FileSystem fileSystem, Path path, String relative, String text)
      throws IOException {
    FileContext context;
    try {
      context = FileContext.getFileContext(path.toUri(), configuration());
    } catch (UnsupportedFileSystemException storeOfObjects) {
      writeText(relative, text);
      return;
    }
    Path from = path(relative + ".new");
    writeText(relative + ".new", text);
    context.rename(fileSystem.makeQualified(from), path, Options.Rename.OVERWRITE);
  }

  /**
   * Writes a small file that readers see whole or not at all, and only if there is none of that
   * name; false, and nothing is changed, if there is. Where a store makes a file visible only when
   * it is closed, it is asked to refuse a second one (S3: {@code If-None-Match}, from Hadoop 3.4.2
   * on); elsewhere the file is written under another name and then moved, which does not replace.
   *
   * @param elsewhere the other name
   */
  public boolean writeOnce(String relative, String elsewhere, String text) throws IOException {
    Path path = path(relative);
    FileSystem fileSystem = fileSystem();
    if (fileSystem instanceof LocalFileSystem local) {
      writeText(elsewhere, text);
      java.nio.file.Path from = local.pathToFile(path(elsewhere)).toPath();
      try {
        // Linking, unlike moving, never replaces.
        Files.createLink(local.pathToFile(path).toPath(), from);
        Files.delete(from);
        return true;
      } catch (FileAlreadyExistsException there) {
        return false;
      } catch (UnsupportedOperationException | FileSystemException withoutLinks) {
        return !exists(relative) && fileSystem.rename(path(elsewhere), path);
      }
    }
    if (exists(relative)) {
      return false;
    }
    if (fileSystem.hasPathCapability(path, CommonPathCapabilities.ABORTABLE_STREAM)) {
      FSDataOutputStreamBuilder<?, ?> once = fileSystem.createFile(path).overwrite(false);
      once.opt("fs.option.create.conditional.overwrite", true);
      try (OutputStream out = once.build()) {
        out.write(text.getBytes(StandardCharsets.UTF_8));
      } catch (org.apache.hadoop.fs.FileAlreadyExistsException there) {
        return false;
      }
      return true;
    }
    writeText(elsewhere, text);
    return fileSystem.rename(path(elsewhere), path);
  }

  /**
   * Copies a published file from another folder, under its name.
   *
   * @throws Failure of data if it is not what its manifest says
   */
  public void copy(Folder from, PublishedFile file) throws IOException {
    PublishedFile copied =
        write(
            file.path(),
            file.table(),
            out -> {
              try (InputStream in = from.open(file.path())) {
                in.transferTo(out);
              }
            });
    if (!copied.sha256().equals(file.sha256())) {
      throw Failure.data("%s has other bytes than its manifest says", from.resolve(file.path()));
    }
  }

  /** Writes a file through {@code content} and tells its size and checksum. */
  public PublishedFile write(String relative, String table, Content content) throws IOException {
    MessageDigest digest = Identity.newDigest();
    try (CheckedStream out = new CheckedStream(create(relative), digest)) {
      content.writeTo(out);
      out.flush();
      return PublishedFile.of(
          relative, out.written(), 1, HexFormat.of().formatHex(digest.digest()), table);
    }
  }

  /** What goes into a file. */
  @FunctionalInterface
  public interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  /** Files below a sub-folder, relative to this folder, sorted; none if it does not exist. */
  public List<String> list(String relative) throws IOException {
    return List.copyOf(sizes(relative).keySet());
  }

  /** The same with the length of each in bytes. Files that vanish meanwhile are left out. */
  public SortedMap<String, Long> sizes(String relative) throws IOException {
    SortedMap<String, Long> found = new TreeMap<>();
    FileSystem fileSystem = fileSystem();
    Path root = relative.isEmpty() ? new Path(location) : path(relative);
    if (fileSystem instanceof LocalFileSystem local) {
      // Given a local file, Hadoop starts an ls to learn who may read it.
      localSizes(
          local.pathToFile(new Path(location)).toPath(), local.pathToFile(root).toPath(), found);
      return found;
    }
    String base = fileSystem.makeQualified(new Path(location)).toUri().getPath();
    try {
      RemoteIterator<LocatedFileStatus> files = fileSystem.listFiles(root, true);
      while (files.hasNext()) {
        FileStatus file = files.next();
        found.put(
            file.getPath()
                .toUri()
                .getPath()
                .substring(base.length() + (base.endsWith("/") ? 0 : 1)),
            file.getLen());
      }
    } catch (FileNotFoundException none) {
      return found;
    }
    return found;
  }

  private static void localSizes(
      java.nio.file.Path folder, java.nio.file.Path root, SortedMap<String, Long> found)
      throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(java.nio.file.Path file, BasicFileAttributes is) {
            found.put(folder.relativize(file).toString(), is.size());
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(java.nio.file.Path file, IOException e)
              throws IOException {
            return goneOr(e);
          }

          @Override
          public FileVisitResult postVisitDirectory(java.nio.file.Path of, IOException e)
              throws IOException {
            return e == null ? FileVisitResult.CONTINUE : goneOr(e);
          }

          private FileVisitResult goneOr(IOException e) throws IOException {
            if (e instanceof NoSuchFileException) {
              return FileVisitResult.CONTINUE;
            }
            throw e;
          }
        });
  }

  /** Whether there is a file where the folder should be. */
  boolean isFile() throws IOException {
    try {
      return fileSystem().getFileStatus(path("")).isFile();
    } catch (FileNotFoundException none) {
      return false;
    }
  }

  /** The folders that lie directly in this one, sorted. */
  List<Folder> folders() throws IOException {
    SortedMap<String, Folder> found = new TreeMap<>();
    RemoteIterator<FileStatus> entries = entries();
    while (entries.hasNext()) {
      FileStatus entry = entries.next();
      if (entry.isDirectory()) {
        found.put(entry.getPath().getName(), new Folder(resolve(entry.getPath().getName())));
      }
    }
    return List.copyOf(found.values());
  }

  /** When a file was written, in milliseconds. */
  long written(String relative) throws IOException {
    return fileSystem().getFileStatus(path(relative)).getModificationTime();
  }

  /** What lies directly in this folder; nothing if it does not exist. */
  RemoteIterator<FileStatus> entries() throws IOException {
    try {
      return fileSystem().listStatusIterator(path(""));
    } catch (FileNotFoundException none) {
      return RemoteIterators.remoteIteratorFromIterable(List.of());
    }
  }

  /** Deletes a file or a sub-folder, quietly if it does not exist. */
  public void delete(String relative) throws IOException {
    fileSystem().delete(path(relative), true);
  }

  /** Deletes a file or a sub-folder, and the folders above it that are empty then. */
  void deleteWithEmptyParents(String relative) throws IOException {
    delete(relative);
    for (int cut = relative.lastIndexOf('/'); cut > 0; cut = relative.lastIndexOf('/', cut - 1)) {
      String parent = relative.substring(0, cut);
      if (!exists(parent) || fileSystem().listStatusIterator(path(parent)).hasNext()) {
        return;
      }
      fileSystem().delete(path(parent), false);
    }
  }

  @Override
  public String toString() {
    return location.startsWith("file:") ? location.replaceFirst("^file:/*", "/") : location;
  }
}
