package dev.ontogeny.job;

import dev.ontogeny.spark.Progress;
import dev.ontogeny.spark.SparkRuntime;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
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

  /** What the job's own options were given, by key. */
  private final Map<String, String> shorthands = new LinkedHashMap<>();

  private JobCommand(Job<S> job, Terminal terminal) {
    this.job = job;
    this.terminal = terminal;
  }

  /** The command of a job, with an option for each of its shorthands. */
  static <S extends Record> CommandLine of(Job<S> job, Terminal terminal) {
    JobCommand<S> command = new JobCommand<>(job, terminal);
    CommandLine line = new CommandLine(command);
    for (String key : job.shorthands()) {
      line.getCommandSpec()
          .addOption(
              OptionSpec.builder("--" + key)
                  .paramLabel(key.toUpperCase(Locale.ROOT))
                  .type(String.class)
                  .description("Short for --set " + key + "=" + key.toUpperCase(Locale.ROOT) + ".")
                  .setter(command.setter(key))
                  .build());
    }
    return line;
  }

  private ISetter setter(String key) {
    return new ISetter() {
      @Override
      public <T> T set(T value) {
        if (value == null) {
          shorthands.remove(key);
        } else {
          shorthands.put(key, value.toString());
        }
        return value;
      }
    };
  }

  @Override
  public Integer call() throws IOException {
    Map<String, String> over = new LinkedHashMap<>(shorthands);
    if (output != null) {
      over.put("output", output);
    }
    S settings = options.read(job, over);
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
