package dev.ontogeny.job;

import dev.ontogeny.job.benchmark.Benchmark;
import dev.ontogeny.job.demo.Demo;
import dev.ontogeny.job.evolve.Evolve;
import dev.ontogeny.job.export.Export;
import dev.ontogeny.job.imports.Imports;
import dev.ontogeny.job.measure.Measure;
import dev.ontogeny.job.report.Report;
import dev.ontogeny.job.shard.Shard;
import dev.ontogeny.job.train.Train;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Provenance;
import dev.ontogeny.run.SettingsReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The one entry point: a command per job. Settings are checked before Spark starts; whatever fails
 * ends here, as one last line on standard error and an exit code that tells who has to act.
 */
@Command(
    name = "ontogeny",
    description = "How the features inside a neural network form, change and die while it trains.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  private Main() {}

  /** Every job, in the order of the line, then those beside it. */
  public static List<Job<?>> jobs() {
    return List.of(
        new Shard(),
        new Train(),
        new Measure(),
        new Evolve(),
        new Report(),
        new Export(),
        new Imports(),
        new Demo());
  }

  public static void main(String[] arguments) {
    int code = run(jobs(), Terminal.ofProcess(), arguments);
    // Cluster managers take a clean return for success and an early exit(0) for an accident.
    if (code != 0) {
      System.exit(code);
    }
  }

  /** The whole command line short of ending the process; returns the exit code. */
  static int run(List<Job<?>> jobs, Terminal terminal, String... arguments) {
    String place = Outcome.place(arguments);
    if (place == null) {
      return execute(jobs, terminal, arguments);
    }
    try {
      Outcome.clear(place);
      int code = execute(jobs, terminal, arguments);
      terminal.outcome().write(place, code);
      return code;
    } catch (Failure failure) {
      return fail(terminal, failure);
    }
  }

  private static int execute(List<Job<?>> jobs, Terminal terminal, String... arguments) {
    CommandLine commands = new CommandLine(new Main());
    for (Job<?> job : jobs) {
      CommandLine command = JobCommand.of(job, terminal);
      command.getCommandSpec().usageMessage().description(job.description());
      commands.addSubcommand(job.name(), withDefaults(command, job.name(), job.reference()));
    }
    commands.addSubcommand(withDefaults(new CommandLine(new Run(jobs, terminal)), Run.NAME, ""));
    commands.addSubcommand(new Describe(terminal));
    commands.addSubcommand(new Prune(terminal));
    commands.addSubcommand(new Benchmark(terminal));
    commands
        .getSubcommands()
        .values()
        .forEach(each -> each.getCommandSpec().versionProvider(new Version()));
    commands.setOut(new PrintWriter(terminal.out(), true, StandardCharsets.UTF_8));
    commands.setUsageHelpWidth(Math.max(80, terminal.columns()));
    commands.setParameterExceptionHandler(
        (exception, given) -> {
          CommandLine at = exception.getCommandLine();
          String message = exception.getMessage();
          if (exception instanceof UnmatchedArgumentException unmatched
              && !unmatched.isUnknownOption()
              && !at.getSubcommands().isEmpty()) {
            message =
                String.format(
                    Locale.ROOT,
                    "there is no command '%s'; the commands are %s",
                    unmatched.getUnmatched().get(0),
                    String.join(", ", at.getSubcommands().keySet()));
          }
          return fail(
              terminal,
              new Diagnosis(
                  FailureKind.USAGE,
                  message + " (see " + at.getCommandSpec().qualifiedName(" ") + " --help)"));
        });
    commands.setExecutionExceptionHandler((exception, command, given) -> fail(terminal, exception));
    try {
      return commands.execute(arguments);
    } catch (Error error) {
      // picocli catches exceptions only, and OutOfMemoryError is none.
      return fail(terminal, error);
    }
  }

  /** Help with the defaults as their file has them: its comments are the settings' reference. */
  private static CommandLine withDefaults(CommandLine command, String settings, String reference) {
    command
        .getHelpSectionMap()
        .put(
            UsageMessageSpec.SECTION_KEY_FOOTER,
            help ->
                "\nSettings and their defaults:\n\n"
                    + SettingsReader.defaultsText(settings)
                    + (reference.isEmpty() ? "" : "\n" + reference));
    return command;
  }

  private static int fail(Terminal terminal, Throwable thrown) {
    Diagnosis diagnosis = Diagnosis.of(thrown);
    if (diagnosis.kind() == FailureKind.INTERNAL) {
      thrown.printStackTrace(terminal.error());
      terminal
          .error()
          .println(
              "This is a fault of the program, not of your settings or data. Please report it with the lines above and the output of --version; running the command again goes on where it stopped.");
    }
    return fail(terminal, diagnosis);
  }

  private static int fail(Terminal terminal, Diagnosis diagnosis) {
    terminal.outcome().failed(diagnosis);
    terminal.error().println(diagnosis.line());
    terminal.error().flush();
    return diagnosis.kind().exitCode();
  }

  /** Without a command. */
  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "name a command: " + String.join(", ", spec.commandLine().getSubcommands().keySet()));
  }

  /** {@code --version}. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"ontogeny " + Provenance.version()};
    }
  }
}
