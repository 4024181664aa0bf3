package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A Parquet file of a capture.
 *
 * @param location full
 * @param site of the Hive partition, null where it is a column
 * @param checkpoint of the Hive partition, null where it is a column
 * @param checkpointText as the partition writes it; null where it is a column
 * @param stamp changes when the file is written anew: the store's ETag, or times
 */
public record CaptureFile(
    String location, long bytes, String site, Long checkpoint, String checkpointText, String stamp)
    implements Serializable {

  /**
   * The files of an input, sorted: a file, a folder with everything below it, or a glob of either.
   * Names that begin with {@code _} or {@code .} are hidden; in folders only {@code *.parquet},
   * {@code *.parq}, {@code *.pq} and names without a dot count. Partitions are folders below the
   * input, or below the part of a glob that has no wildcard.
   *
   * @throws dev.ontogeny.run.Failure of data if there are none
   */
  public static List<CaptureFile> list(String input, CaptureColumns columns) {
    TreeMap<String, CaptureFile> found = new TreeMap<>();
    List<String> others = new ArrayList<>();
    try {
      Path path = new Path(input);
      FileSystem fileSystem = path.getFileSystem(Folder.configuration());
      StoreProbe.ask(fileSystem.makeQualified(path), Folder.configuration());
      boolean literal = fileSystem.exists(path);
      FileStatus[] roots =
          literal ? new FileStatus[] {fileSystem.getFileStatus(path)} : fileSystem.globStatus(path);
      if (roots == null || roots.length == 0) {
        throw Failure.data("input %s does not exist and matches no file as a glob", input);
      }
      Listing listing =
          new Listing(
              fileSystem,
              columns,
              fileSystem.makeQualified(literal ? path : withoutWildcards(path)).depth(),
              found,
              others);
      for (FileStatus root : roots) {
        if (root.isFile()) {
          listing.add(root);
        } else {
          listing.walk(root);
        }
      }
    } catch (IllegalArgumentException e) {
      throw Failure.settings("input '%s' is not a path: %s", input, e.getMessage()).causedBy(e);
    } catch (IOException e) {
      throw Failure.resources("input %s cannot be listed: %s", input, e.getMessage()).causedBy(e);
    }
    if (found.isEmpty()) {
      throw Failure.data(
          "input %s holds no Parquet file (*.parquet)%s",
          input, others.isEmpty() ? "" : "; it has " + others.get(0));
    }
    return List.copyOf(found.values());
  }

  /** The longest beginning of a glob that is a folder by name. */
  private static Path withoutWildcards(Path glob) {
    Path folder = glob;
    for (Path at = glob; at != null; at = at.getParent()) {
      if (WILDCARDS.matcher(at.getName()).find()) {
        folder = at.getParent();
      }
    }
    return folder == null ? new Path(".") : folder;
  }

  private static final Pattern WILDCARDS = Pattern.compile("[*?\\[{]");

  /** What is found below an input. */
  private record Listing(
      FileSystem fileSystem,
      CaptureColumns columns,
      int depth,
      TreeMap<String, CaptureFile> found,
      Collection<String> others) {

    void walk(FileStatus folder) throws IOException {
      for (FileStatus each : fileSystem.listStatus(folder.getPath())) {
        String name = each.getPath().getName();
        if (name.startsWith("_") || name.startsWith(".")) {
          continue;
        }
        if (each.isDirectory()) {
          walk(each);
        } else if (isParquet(name)) {
          add(each);
        } else {
          others.add(name);
        }
      }
    }

    void add(FileStatus file) throws IOException {
      String location = file.getPath().toString();
      String text = partition(file.getPath(), columns.checkpoint());
      Long checkpoint = text == null ? null : columns.checkpointIn(text);
      if (text != null && checkpoint == null) {
        throw Failure.data(
            "%s: no training step can be read out of the partition %s=%s; columns.checkpoint-pattern says how such texts hold one",
            location, columns.checkpoint(), text);
      }
      found.put(
          location,
          new CaptureFile(
              location,
              file.getLen(),
              partition(file.getPath(), columns.site()),
              checkpoint,
              text,
              stamp(fileSystem, file)));
    }

    /** The value of {@code key=value} among the folders below the input, null if there is none. */
    private String partition(Path file, String key) {
      for (Path at = file.getParent(); at != null && at.depth() > depth; at = at.getParent()) {
        if (at.getName().startsWith(key + "=")) {
          String value = decoded(at.getName().substring(key.length() + 1));
          if (value.isEmpty()
              || value.equals("__HIVE_DEFAULT_PARTITION__")
              || value.equals("null")) {
            throw Failure.data(
                "%s: the partition %s is null (folder %s, which writers make for rows without a value): every row has a site and a checkpoint",
                file, key, at.getName());
          }
          return value;
        }
      }
      return null;
    }
  }

  /** The folder above all inputs that looks like a partition of that key; null if none does. */
  String above(String key) {
    for (Path at = new Path(location).getParent(); at != null; at = at.getParent()) {
      if (at.getName().startsWith(key + "=")) {
        return at.getName();
      }
    }
    return null;
  }

  private static String stamp(FileSystem fileSystem, FileStatus file) throws IOException {
    if (file instanceof EtagSource source && source.getEtag() != null) {
      return "etag " + source.getEtag();
    }
    String stamp = "time " + file.getModificationTime();
    if (fileSystem instanceof LocalFileSystem local) {
      // A copy may keep its modification time, but not its change time and inode.
      try {
        Map<String, Object> is =
            Files.readAttributes(
                local.pathToFile(file.getPath()).toPath(), "unix:ctime,ino,lastModifiedTime");
        stamp = "time " + is.get("lastModifiedTime") + " " + is.get("ctime") + " " + is.get("ino");
      } catch (UnsupportedOperationException | IllegalArgumentException notOnThisSystem) {
        return stamp;
      }
    }
    return stamp;
  }

  private static boolean isParquet(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".parquet")
        || lower.endsWith(".parq")
        || lower.endsWith(".pq")
        || lower.indexOf('.') < 0;
  }

  /** Undoes the {@code %2F} of partition names; a percent sign that escapes nothing stays. */
  static String decoded(String name) {
    byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length);
    for (int i = 0; i < bytes.length; i++) {
      int high = i + 2 < bytes.length ? Character.digit(bytes[i + 1], 16) : -1;
      int low = i + 2 < bytes.length ? Character.digit(bytes[i + 2], 16) : -1;
      if (bytes[i] == '%' && high >= 0 && low >= 0) {
        out.write(high << 4 | low);
        i += 2;
      } else {
        out.write(bytes[i]);
      }
    }
    return out.toString(StandardCharsets.UTF_8);
  }
}
