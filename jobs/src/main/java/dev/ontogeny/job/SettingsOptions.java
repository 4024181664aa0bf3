package dev.ontogeny.job;

import com.typesafe.config.Config;
import dev.ontogeny.data.Folder;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.SettingsReader;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Option;

/** The options with which every command takes its settings. */
final class SettingsOptions {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Settings (HOCON or JSON) over the defaults below; a local file, or a path such as s3a://….")
  private String config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "One setting over the file's; may be repeated.")
  private List<String> assignments = new ArrayList<>();

  @Option(
      names = Outcome.OPTION,
      paramLabel = "FILE",
      description =
          "Leaves exit code, failure and results there as JSON, for a scheduler that sees neither: --deploy-mode cluster.")
  @SuppressWarnings(
      "UnusedVariable") // Main takes it, since a wrong command line has an outcome too.
  private String outcome;

  @Option(
      names = "--dry-run",
      description =
          "Only print the plan: rows, bytes, tasks, arithmetic, memory per task, time, core-hours.")
  private boolean dryRun;

  @Option(
      names = "--like",
      paramLabel = "FOLDER",
      description =
          "Predict times by what an earlier run took: a folder that it published, or its work folder; may be repeated.")
  private List<String> like = new ArrayList<>();

  /** Makes a session predict as asked for. */
  void predict(SparkSession spark) {
    Estimate.use(spark, like);
  }

  boolean dryRun() {
    return dryRun;
  }

  /** The settings of a job, with other values of some keys. */
  <S extends Record> S read(Job<S> job, Map<String, String> over) {
    List<String> all = new ArrayList<>(assignments);
    over.forEach((key, value) -> all.add(key + "=" + value));
    return SettingsReader.bind(job.settingsType(), layered(job.name(), all), origin(job.name()));
  }

  /** The merged settings of a command that holds several jobs'. */
  Config layered(String command) {
    return layered(command, assignments);
  }

  private Config layered(String command, List<String> over) {
    if (config == null || !config.contains("://")) {
      return SettingsReader.layered(command, config == null ? null : new File(config), over);
    }
    int cut = config.lastIndexOf('/');
    try {
      String text = Folder.of(config.substring(0, cut)).readText(config.substring(cut + 1));
      return SettingsReader.layered(command, config, text, over);
    } catch (FileNotFoundException e) {
      throw Failure.settings("settings file %s does not exist", config).causedBy(e);
    } catch (IOException e) {
      throw Failure.resources("settings file %s cannot be read: %s", config, e.getMessage())
          .causedBy(e);
    }
  }

  /** What a problem is said to be of. */
  String origin(String command) {
    return config == null ? command + " settings" : config;
  }
}
