package dev.ontogeny.job;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.spark.Progress;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/**
 * The jobs of the line, in their order and with their settings, as a pipeline file names them: a
 * section per job, and a folder for what they publish.
 */
public record Pipeline(List<Step<?>> steps) {
  /**
   * The jobs of the line in their order, with the folder below {@code work} that each publishes.
   */
  private static final Map<String, String> LINE = line();

  /** Under which Spark keeps what {@code setJobDescription} says. */
  private static final String DESCRIPTION = "spark.job.description";

  private static Map<String, String> line() {
    Map<String, String> line = new LinkedHashMap<>();
    line.put("shard", "dataset");
    line.put("train", "dictionaries");
    line.put("measure", "features");
    line.put("evolve", "evolution");
    line.put("report", "report");
    return line;
  }

  /**
   * Every job that a pipeline has a section for.
   *
   * @param origin stands before every problem
   * @throws Failure with all problems of all sections at once
   */
  public static Pipeline of(List<Job<?>> jobs, Config pipeline, String origin) {
    List<String> problems = new ArrayList<>();
    for (String key : pipeline.root().keySet()) {
      if (!key.equals("work") && !LINE.containsKey(key)) {
        problems.add(
            "unknown key '"
                + key
                + "' (known here: work, "
                + String.join(", ", LINE.keySet())
                + ")");
      }
    }
    ConfigValue work = pipeline.root().get("work");
    if (work == null || work.valueType() != ConfigValueType.STRING) {
      problems.add("'work' is required: the folder that holds everything this run publishes");
      work = ConfigValueFactory.fromAnyRef("missing");
    }
    List<Step<?>> steps = new ArrayList<>();
    for (Job<?> job : jobs) {
      ConfigValue section = pipeline.root().get(job.name());
      if (!LINE.containsKey(job.name())
          || section == null
          || section.valueType() == ConfigValueType.NULL) {
        continue;
      }
      if (section instanceof ConfigObject object) {
        step(job, object, (String) work.unwrapped(), problems, steps);
      } else {
        problems.add("'" + job.name() + "' must be an object with the settings of " + job.name());
      }
    }
    if (!problems.isEmpty()) {
      throw Failure.settings("%s: %s", origin, String.join("; ", problems));
    }
    return new Pipeline(List.copyOf(steps));
  }

  /**
   * The same out of HOCON texts.
   *
   * @param texts of two values of a key the first text's counts
   */
  public static Pipeline of(List<Job<?>> jobs, String origin, String... texts) {
    Config merged = ConfigFactory.empty();
    try {
      for (String text : texts) {
        merged = merged.withFallback(ConfigFactory.parseString(text));
      }
    } catch (ConfigException e) {
      throw Failure.settings("%s cannot be read: %s", origin, e.getMessage()).causedBy(e);
    }
    return of(jobs, merged, origin);
  }

  private static <S extends Record> void step(
      Job<S> job, ConfigObject section, String work, List<String> problems, List<Step<?>> steps) {
    Config folders = ConfigFactory.empty();
    Config defaults = SettingsReader.defaults(job.name());
    List<String> inputs = new ArrayList<>();
    for (Map.Entry<String, String> earlier : LINE.entrySet()) {
      String key = earlier.getKey().equals(job.name()) ? "output" : earlier.getValue();
      if (defaults.root().containsKey(key)) {
        folders =
            folders.withValue(key, ConfigValueFactory.fromAnyRef(child(work, earlier.getValue())));
        inputs.add(key);
      }
      if (key.equals("output")) {
        break;
      }
    }
    inputs.remove("output");
    Config merged = section.toConfig().withFallback(folders).withFallback(defaults);
    try {
      S settings = SettingsReader.bind(job.settingsType(), merged.resolve(), job.name());
      steps.add(new Step<>(job, settings, inputs.stream().map(merged::getString).toList()));
    } catch (Failure failure) {
      problems.add(failure.getMessage());
    }
  }

  private static String child(String folder, String name) {
    return folder.endsWith("/") ? folder + name : folder + "/" + name;
  }

  /** One job of the line. */
  public record Step<S extends Record>(Job<S> job, S settings, List<String> inputs) {
    public Job.Result run(SparkSession spark) {
      // Stages that a job does not name would still be told under the name that the one before
      // left; and a session that others go on with has its own name again.
      String before = spark.sparkContext().getLocalProperty(DESCRIPTION);
      spark.sparkContext().setJobDescription(job.name());
      spark.sparkContext().setLocalProperty(Progress.EXPECTED_ROWS, null);
      try {
        return job.run(spark, settings);
      } finally {
        spark.sparkContext().setJobDescription(before);
      }
    }

    void plan(SparkSession spark, Terminal terminal) throws IOException {
      for (String input : inputs) {
        if (!Folder.of(input).exists(Manifest.FILE)) {
          terminal.out().println("known once " + input + " is published");
          return;
        }
      }
      terminal.print(job.plan(spark, settings));
    }
  }
}
