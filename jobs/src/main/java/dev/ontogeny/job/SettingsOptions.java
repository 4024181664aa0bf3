package dev.ontogeny.job;

import com.typesafe.config.Config;
import dev.ontogeny.run.SettingsReader;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** The options with which every command takes its settings. */
final class SettingsOptions {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Settings (HOCON or JSON) over the defaults below.")
  private File config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "One setting over the file's; may be repeated.")
  private List<String> assignments = new ArrayList<>();

  @Option(
      names = "--dry-run",
      description = "Only print the plan: rows, bytes, tasks, arithmetic, memory per task.")
  private boolean dryRun;

  boolean dryRun() {
    return dryRun;
  }

  /** The settings of a job, with another {@code output} unless it is null. */
  <S extends Record> S read(Job<S> job, String output) {
    List<String> all = new ArrayList<>(assignments);
    if (output != null) {
      all.add("output=" + output);
    }
    return SettingsReader.read(job.settingsType(), job.name(), config, all);
  }

  /** The merged settings of a command that holds several jobs'. */
  Config layered(String command) {
    return SettingsReader.layered(command, config, assignments);
  }

  /** What a problem is said to be of. */
  String origin(String command) {
    return config == null ? command + " settings" : config.getPath();
  }
}
