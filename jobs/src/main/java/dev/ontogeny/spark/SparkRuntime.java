package dev.ontogeny.spark;

import dev.ontogeny.run.Failure;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.SparkSession;

/** Opens the one session of a command. */
public final class SparkRuntime {
  /** What a run has if nobody said otherwise; the command line and property files win. */
  private static final Map<String, String> DEFAULTS =
      Map.of(
          "spark.master", "local[*]",
          "spark.sql.session.timeZone", "UTC",
          // The kernels bring their own threads; OpenMP's would fight with them.
          "spark.executorEnv.OMP_NUM_THREADS", "1",
          // The project draws its own progress.
          "spark.ui.showConsoleProgress", "false",
          // Activations do not compress: trying takes a twentieth of the time of a shard.
          "spark.shuffle.compress", "false",
          // How often a running task tells its rows.
          "spark.executor.heartbeatInterval", "5s");

  private static final String PLUGINS = "spark.plugins";

  private SparkRuntime() {}

  /**
   * A session with the configuration that spark-submit gave, or local where it gave none. Close it
   * when the command ends.
   *
   * @param name as it stands in Spark's pages and logs
   * @param progress hears of every stage
   */
  public static SparkSession open(String name, Progress progress) {
    SparkConf given = new SparkConf();
    requireJavaSerializer(given);
    DEFAULTS.forEach(given::setIfMissing);
    if (given.get("spark.master").startsWith("local")) {
      given.setIfMissing("spark.ui.enabled", "false");
      given.setIfMissing("spark.driver.bindAddress", "127.0.0.1");
      given.setIfMissing("spark.driver.host", "127.0.0.1");
    }
    if (!given.contains("spark.app.name")
        || given.get("spark.app.name").startsWith("dev.ontogeny")) {
      given.setAppName(name);
    }
    String plugins = given.get(PLUGINS, "");
    if (!plugins.contains(RunMetrics.class.getName())) {
      given.set(
          PLUGINS,
          plugins.isBlank()
              ? RunMetrics.class.getName()
              : plugins + "," + RunMetrics.class.getName());
    }
    RunMetrics.countRowsBy(progress::rows);
    SparkSession spark = SparkSession.builder().config(given).getOrCreate();
    spark.sparkContext().addSparkListener(progress);
    return spark;
  }

  /**
   * What holds for a session that others have opened as well.
   *
   * @throws Failure of settings where another serializer is set
   */
  public static void requireJavaSerializer(SparkConf conf) {
    String serializer = conf.get("spark.serializer", "org.apache.spark.serializer.JavaSerializer");
    if (!serializer.equals("org.apache.spark.serializer.JavaSerializer")) {
      throw Failure.settings(
          "spark.serializer is %s, but records cross the wire here and only Java's serializer carries them: leave it unset",
          serializer);
    }
  }
}
