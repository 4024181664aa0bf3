package dev.ontogeny.job;

import dev.ontogeny.data.Manifest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/**
 * One command: reads published folders, publishes one. Idempotent: the same settings and inputs
 * publish nothing new, and a run cut off half-way does only what is missing. Settings are checked
 * before Spark starts; {@code conf/jobs/<name>.conf} holds their defaults.
 */
public interface Job<S extends Record> {
  /** The command's name. */
  String name();

  /** One sentence for {@code --help}. */
  String description();

  /** What {@code --help} tells beside the settings' own comments, if anything. */
  default String reference() {
    return "";
  }

  /** Keys that the command takes as options of their own as well, beside {@code output}. */
  default List<String> shorthands() {
    return List.of();
  }

  /** A record that {@link dev.ontogeny.run.SettingsReader} can bind. */
  Class<S> settingsType();

  /** What {@link #run} would do; reads inputs' manifests and footers, writes nothing. */
  Plan plan(SparkSession spark, S settings);

  /** Does it. */
  Result run(SparkSession spark, S settings);

  /**
   * What a run would do, for {@code --dry-run}: label and value, in the order in which they are
   * printed. Every job states rows, bytes, tasks, FLOPs and memory per task, and the time that its
   * {@link Workload} takes, which {@link #run} computes in the same way.
   */
  record Plan(Map<String, String> lines, Workload work) {
    /** With the time that the work takes on the cores of a session, below the other lines. */
    public static Plan of(SparkSession spark, Map<String, String> lines, Workload work) {
      Map<String, String> all = new LinkedHashMap<>(lines);
      all.putAll(Estimate.of(spark, work).lines());
      return new Plan(all, work);
    }
  }

  /**
   * What a run did.
   *
   * @param alreadyDone true where the folder was published before
   * @param lines a short account for people
   */
  record Result(Manifest manifest, String output, boolean alreadyDone, List<String> lines) {}
}
