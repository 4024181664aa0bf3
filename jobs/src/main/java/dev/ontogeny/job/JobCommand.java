package dev.ontogeny.job;

import dev.ontogeny.spark.Progress;
import dev.ontogeny.spark.SparkRuntime;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The command line of one job. */
@Command(mixinStandardHelpOptions = true)
final class JobCommand<S extends Record> implements Callable<Integer> {
  private final Job<S> job;
  private final Terminal terminal;

  @Mixin private SettingsOptions options;

  @Option(
      names = "--output",
      paramLabel = "FOLDER",
      description = "Where to publish: short for --set output=FOLDER.")
  private String output;

  JobCommand(Job<S> job, Terminal terminal) {
    this.job = job;
    this.terminal = terminal;
  }

  @Override
  public Integer call() throws IOException {
    S settings = options.read(job, output);
    try (Progress progress = terminal.progress();
        SparkSession spark = SparkRuntime.open("ontogeny " + job.name(), progress)) {
      options.predict(spark);
      if (options.dryRun()) {
        terminal.print(job.plan(spark, settings));
      } else {
        terminal.print(job.name(), job.run(spark, settings));
      }
    }
    return 0;
  }
}
