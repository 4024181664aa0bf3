package dev.ontogeny.ml;

import dev.ontogeny.data.Folder;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder for the time of one fit, which all executors reach; it is gone when it is closed.
 *
 * @param folder where it is
 */
record WorkingFolder(Folder folder) implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WorkingFolder.class);

  /** Fits of one process that are at work at the same time have a folder each. */
  private static final AtomicLong NUMBERS = new AtomicLong();

  /**
   * A folder that is not there yet.
   *
   * @param parent where to make it; empty for the session's checkpoint directory or, in one
   *     process, Java's folder for temporary files
   * @param uid of whoever needs it
   * @throws Failure of settings on a cluster where neither is told
   */
  static WorkingFolder under(String parent, SparkSession spark, String uid) {
    String place = parent;
    if (place.isEmpty() && spark.sparkContext().getCheckpointDir().isDefined()) {
      place = spark.sparkContext().getCheckpointDir().get();
    } else if (place.isEmpty() && spark.sparkContext().isLocal()) {
      place = System.getProperty("java.io.tmpdir");
    } else if (place.isEmpty()) {
      throw Failure.settings(
          "a fit needs a folder that all executors reach, for its rows and its dictionary: set workingFolder, or the session's checkpoint directory; master is %s",
          spark.sparkContext().master());
    }
    return new WorkingFolder(
        Folder.of(
            String.format(
                "%s/ontogeny-%s-%s-%d",
                place, spark.sparkContext().applicationId(), uid, NUMBERS.getAndIncrement())));
  }

  /** The location of something in it. */
  String place(String name) {
    return folder.resolve(name);
  }

  @Override
  public void close() {
    try {
      folder.delete("");
    } catch (IOException stays) {
      LOG.warn("{} cannot be deleted and stays: {}", folder, stays.getMessage());
    }
  }
}
