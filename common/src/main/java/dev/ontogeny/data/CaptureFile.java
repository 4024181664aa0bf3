package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A Parquet file of a capture.
 *
 * @param location full
 * @param site of the Hive partition, null where it is a column
 * @param checkpoint of the Hive partition, null where it is a column
 */
public record CaptureFile(String location, long bytes, String site, Long checkpoint)
    implements Serializable {

  /**
   * The files of an input, sorted: a file, a folder with everything below it, or a glob of either.
   * Names that begin with {@code _} or {@code .} are hidden; in folders only {@code *.parquet},
   * {@code *.parq}, {@code *.pq} and names without a dot count.
   *
   * @throws dev.ontogeny.run.Failure of data if there are none
   */
  public static List<CaptureFile> list(String input, CaptureColumns columns) {
    TreeMap<String, CaptureFile> found = new TreeMap<>();
    List<String> others = new ArrayList<>();
    try {
      Path path = new Path(input);
      FileSystem fileSystem = path.getFileSystem(Folder.configuration());
      FileStatus[] roots =
          fileSystem.exists(path)
              ? new FileStatus[] {fileSystem.getFileStatus(path)}
              : fileSystem.globStatus(path);
      if (roots == null || roots.length == 0) {
        throw Failure.data("input %s does not exist and matches no file as a glob", input);
      }
      for (FileStatus root : roots) {
        if (root.isFile()) {
          add(root, columns, found);
        } else {
          walk(fileSystem, root, columns, found, others);
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

  private static void walk(
      FileSystem fileSystem,
      FileStatus folder,
      CaptureColumns columns,
      TreeMap<String, CaptureFile> found,
      Collection<String> others)
      throws IOException {
    for (FileStatus each : fileSystem.listStatus(folder.getPath())) {
      String name = each.getPath().getName();
      if (name.startsWith("_") || name.startsWith(".")) {
        continue;
      }
      if (each.isDirectory()) {
        walk(fileSystem, each, columns, found, others);
      } else if (isParquet(name)) {
        add(each, columns, found);
      } else {
        others.add(name);
      }
    }
  }

  private static boolean isParquet(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".parquet")
        || lower.endsWith(".parq")
        || lower.endsWith(".pq")
        || lower.indexOf('.') < 0;
  }

  private static void add(
      FileStatus file, CaptureColumns columns, TreeMap<String, CaptureFile> found) {
    String location = file.getPath().toString();
    String checkpoint = partition(file.getPath(), columns.checkpoint());
    Long step = null;
    if (checkpoint != null) {
      try {
        step = Long.valueOf(checkpoint);
      } catch (NumberFormatException e) {
        throw Failure.data(
                "%s: partition %s=%s is not a whole number: checkpoints are training steps",
                location, columns.checkpoint(), checkpoint)
            .causedBy(e);
      }
    }
    found.put(
        location,
        new CaptureFile(location, file.getLen(), partition(file.getPath(), columns.site()), step));
  }

  /** The value of {@code key=value} among the folders of a path, null if there is none. */
  private static String partition(Path file, String key) {
    for (Path at = file.getParent(); at != null; at = at.getParent()) {
      if (at.getName().startsWith(key + "=")) {
        String value = decoded(at.getName().substring(key.length() + 1));
        if (value.isEmpty() || value.equals("__HIVE_DEFAULT_PARTITION__")) {
          throw Failure.data("%s: partition %s has no value", file, key);
        }
        return value;
      }
    }
    return null;
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
