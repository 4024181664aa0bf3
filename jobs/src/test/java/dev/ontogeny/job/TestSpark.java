package dev.ontogeny.job;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/** Spark on this machine alone, for tests, and what jobs have published with it. */
public final class TestSpark {
  private TestSpark() {}

  /** A session to be told more, or to be had. */
  public static SparkSession.Builder local(int cores) {
    return SparkSession.builder()
        .master("local[" + cores + "]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1");
  }

  /** One that has {@link FlakyFileSystem} as well. */
  public static SparkSession.Builder flaky(int cores) {
    return local(cores).config("spark.hadoop.fs.flaky.impl", FlakyFileSystem.class.getName());
  }

  /** A run that failed leaves tasks behind, which write until they see that they were killed. */
  public static void settle(SparkSession spark) throws InterruptedException {
    var tracker = spark.sparkContext().statusTracker();
    while (Arrays.stream(tracker.getExecutorInfos()).anyMatch(each -> each.numRunningTasks() > 0)) {
      Thread.sleep(20);
    }
  }

  /** The rows of a published table, each by column, in the order of files. */
  public static List<Map<String, Object>> table(Folder folder, Manifest manifest, String name)
      throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (PublishedFile file : manifest.table(name).toList()) {
      try (TableReader reader = TableReader.open(folder, file.path())) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          Map<String, Object> named = new LinkedHashMap<>();
          for (int i = 0; i < row.length; i++) {
            named.put(reader.columns().get(i), row[i]);
          }
          rows.add(named);
        }
      }
    }
    return rows;
  }
}
