package dev.ontogeny.job;

import dev.ontogeny.spark.Progress;
import dev.ontogeny.spark.SparkRuntime;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * The whole line from one pipeline file: a section per job, and a folder for what they publish. All
 * sections are checked before the first job starts. A job whose folder is published already, from
 * the same settings and inputs, has nothing to do, so a run that was cut off goes on where it was.
 */
@Command(
    name = "run",
    description = "Runs the whole line from one pipeline file; goes on where it was cut off.",
    mixinStandardHelpOptions = true)
final class Run implements Callable<Integer> {
  static final String NAME = "run";

  private static final Logger LOG = LoggerFactory.getLogger(Run.class);

  private final List<Job<?>> jobs;
  private final Terminal terminal;

  @Mixin private SettingsOptions options;

  Run(List<Job<?>> jobs, Terminal terminal) {
    this.jobs = jobs;
    this.terminal = terminal;
  }

  @Override
  public Integer call() throws IOException {
    List<Pipeline.Step<?>> steps =
        Pipeline.of(jobs, options.layered(NAME), options.origin(NAME)).steps();
    try (Progress progress = terminal.progress();
        SparkSession spark = SparkRuntime.open("ontogeny run", progress)) {
      options.predict(spark);
      for (Pipeline.Step<?> step : steps) {
        if (options.dryRun()) {
          terminal.out().println(step.job().name());
          step.plan(spark, terminal);
          terminal.out().println();
        } else {
          LOG.info("{}", step.job().name());
          terminal.print(step.job().name(), step.run(spark));
        }
      }
    }
    return 0;
  }
}
