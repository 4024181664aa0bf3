package dev.ontogeny.job;

import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.spark.SparkRuntime;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command line of one job. */
@Command(mixinStandardHelpOptions = true)
final class JobCommand<S extends Record> implements Callable<Integer> {
  private final Job<S> job;
  private final Terminal terminal;

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

  JobCommand(Job<S> job, Terminal terminal) {
    this.job = job;
    this.terminal = terminal;
  }

  @Override
  public Integer call() throws IOException {
    S settings =
        SettingsReader.read(job.settingsType(), job.name(), config, List.copyOf(assignments));
    try (Progress progress = terminal.progress();
        SparkSession spark = SparkRuntime.open("ontogeny " + job.name(), progress)) {
      if (dryRun) {
        terminal.print(job.plan(spark, settings));
      } else {
        terminal.print(job.name(), job.run(spark, settings));
      }
    }
    return 0;
  }
}
