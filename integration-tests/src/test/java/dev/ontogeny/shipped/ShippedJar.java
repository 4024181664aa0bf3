package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A command of the shipped jar on executors that are JVMs of their own: what a user's spark-submit
 * does with {@code conf/spark/cluster.conf}, and Spark's {@code local-cluster} in place of a
 * cluster. Say what differs from the defaults, then {@link #run} it, or {@link #start} it and
 * disturb it.
 *
 * <pre>{@code
 * Path work = ShippedJar.folder("ShardIT");
 * ShippedJar.Outcome outcome =
 *     ShippedJar.job("shard", "input=" + capture, "output=" + output)
 *         .executors(2, 1, 512)
 *         .run(work);
 * assertThat(outcome.exitCode()).as(outcome.error()).isZero();
 * }</pre>
 */
public final class ShippedJar {
  private final List<String> arguments;
  private final Map<String, String> configuration = new LinkedHashMap<>();
  private String master;
  private int driverMebibytes = 1024;
  private boolean compiled;
  private SetClock clock;
  private Duration patience = Duration.ofMinutes(5);

  private ShippedJar(List<String> arguments) {
    this.arguments = arguments;
    configuration.put("spark.ui.enabled", "false");
    configuration.put("spark.driver.bindAddress", "127.0.0.1");
    configuration.put("spark.driver.host", "127.0.0.1");
    executors(2, 1, 1024);
  }

  /** A command as it stands after {@code ontogeny}. */
  public static ShippedJar command(String... arguments) {
    return new ShippedJar(List.of(arguments));
  }

  /**
   * A job with its settings.
   *
   * @param settings each {@code KEY=VALUE}
   */
  public static ShippedJar job(String name, String... settings) {
    List<String> arguments = new ArrayList<>(List.of(name));
    for (String setting : settings) {
      arguments.addAll(List.of("--set", setting));
    }
    return new ShippedJar(arguments);
  }

  /** An empty folder below {@code target}, named for the test. */
  public static Path folder(String name) {
    Path folder = Path.of("target", "it", name).toAbsolutePath();
    try {
      delete(folder);
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw new IllegalStateException("no folder for " + name, e);
    }
  }

  /** Separate executors; two of one core and 1 GiB are the default. */
  public ShippedJar executors(int count, int cores, int mebibytes) {
    master = "local-cluster[" + count + "," + cores + "," + mebibytes + "]";
    configuration.put("spark.executor.memory", mebibytes + "m");
    configuration.put("spark.executor.cores", Integer.toString(cores));
    return this;
  }

  /** Threads of the driver in place of executors: faster, where executors are not the point. */
  public ShippedJar local(int threads) {
    master = "local[" + threads + "]";
    configuration.remove("spark.executor.memory");
    return this;
  }

  public ShippedJar driverMemory(int mebibytes) {
    driverMebibytes = mebibytes;
    return this;
  }

  /** Lets the JVMs compile as those of users do: for commands that are at work for long. */
  public ShippedJar compiled() {
    compiled = true;
    return this;
  }

  /** Lets all its processes see a clock that can be set. */
  public ShippedJar clock(SetClock set) {
    clock = set;
    return this;
  }

  /** After which the test fails; five minutes are the default. */
  public ShippedJar patience(Duration most) {
    patience = most;
    return this;
  }

  public ShippedJar configure(String key, String value) {
    configuration.put(key, value);
    return this;
  }

  /** Runs to the end; its logs stay in {@code work} if something goes wrong. */
  public Outcome run(Path work) {
    return start(work).await();
  }

  /** Starts it. */
  public Running start(Path work) {
    Path jar = Path.of(required("ontogeny.jar")).toAbsolutePath().normalize();
    assertThat(jar).as("the shipped jar; mvn verify builds it").exists();
    try {
      Path home = Files.createTempDirectory(work, "spark-");
      Path spark = Path.of(required("ontogeny.spark.home")).toAbsolutePath().normalize();
      Files.createSymbolicLink(home.resolve("jars"), spark.resolve("jars"));
      // Spark takes a home without this file for a source tree and looks for its build folders.
      Files.createFile(home.resolve("RELEASE"));
      Path conf = Path.of(required("ontogeny.root"), "conf").toAbsolutePath().normalize();
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of(required("ontogeny.jvm.args").split(" ")));
      Path properties = conf.resolve("spark").resolve("cluster.conf");
      command.add(property(properties, "spark.driver.defaultJavaOptions"));
      String sooner = sooner(spark);
      command.addAll(List.of(sooner.split(" ")));
      command.add("-Xmx" + driverMebibytes + "m");
      command.addAll(List.of("-cp", classPath(home.resolve("jars"))));
      command.addAll(List.of("org.apache.spark.deploy.SparkSubmit", "--master", master));
      command.addAll(List.of("--properties-file", properties.toString()));
      Map<String, String> all = new LinkedHashMap<>(configuration);
      all.merge("spark.executor.extraJavaOptions", sooner, (given, added) -> given + " " + added);
      all.forEach((key, value) -> command.addAll(List.of("--conf", key + "=" + value)));
      command.addAll(List.of("--class", "dev.ontogeny.job.Main", jar.toString()));
      command.addAll(arguments);
      ProcessBuilder builder =
          new ProcessBuilder(command)
              .directory(work.toFile())
              .redirectOutput(home.resolve("out").toFile())
              .redirectError(home.resolve("error").toFile());
      builder.environment().put("SPARK_HOME", home.toString());
      builder.environment().put("SPARK_SCALA_VERSION", "2.13");
      builder.environment().put("OMP_NUM_THREADS", "1");
      builder
          .environment()
          .put("LOG4J_CONFIGURATION_FILE", conf.resolve("log4j2.properties").toString());
      builder.environment().remove("ONTOGENY_PROGRESS");
      if (clock != null) {
        builder.environment().putAll(clock.environment());
      }
      return new Running(builder.start(), home, patience);
    } catch (IOException e) {
      throw new IllegalStateException("cannot start " + arguments, e);
    }
  }

  /** That of Spark's launcher, whose order the archive of classes wants. */
  private static String classPath(Path jars) throws IOException {
    try (Stream<Path> all = Files.list(jars)) {
      return all.filter(jar -> jar.getFileName().toString().startsWith("slf4j-api-"))
          .map(jar -> jar + ":")
          .collect(Collectors.joining("", "", jars + "/*"));
    }
  }

  /**
   * How JVMs start sooner: with Spark's classes out of the archive that the build left, and, as
   * most of them live for seconds, without the compiler whose work pays off later.
   */
  private String sooner(Path spark) {
    Path archive = spark.resolve("classes.jsa");
    return (compiled ? "-Xshare:auto" : "-Xshare:auto -XX:TieredStopAtLevel=1")
        + (Files.exists(archive) ? " -XX:SharedArchiveFile=" + archive : "")
        + " -Xlog:disable -Xlog:all=error:stderr";
  }

  /** What spark-submit's launcher would read for the driver's JVM. */
  private static String property(Path file, String key) throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    }
    String value = properties.getProperty(key);
    assertThat(value).as("%s in %s", key, file).isNotNull();
    return value;
  }

  private static String required(String property) {
    String value = System.getProperty(property);
    assertThat(value).as(property + ", which failsafe sets").isNotNull();
    return value;
  }

  /** Deletes a folder with all that is in it; quietly if there is none. */
  public static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  /** A command at work. */
  public static final class Running {
    private final Process process;
    private final Path home;
    private final Duration patience;

    private Running(Process process, Path home, Duration patience) {
      this.patience = patience;
      this.process = process;
      this.home = home;
    }

    /** Waits until something has come about while the command works; fails if it ends before. */
    public Running until(BooleanSupplier condition) {
      Instant last = Instant.now().plus(patience);
      while (!condition.getAsBoolean()) {
        assertThat(process.isAlive()).as("still at work: %s", read("error")).isTrue();
        assertThat(Instant.now()).as("patience: %s", read("error")).isBefore(last);
        pause();
      }
      return this;
    }

    /** Lets it work for a while; whether it still does then. */
    public boolean goesOnFor(Duration time) {
      try {
        return !process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    /** Kills one executor's JVM without warning. */
    public Running killExecutor() {
      assertThat(executor().destroyForcibly()).isTrue();
      return this;
    }

    /** Stops one executor's JVM for a while, as a machine does that is too busy. */
    public Running stopExecutor(Duration time) {
      ProcessHandle executor = executor();
      signal("-STOP", executor);
      goesOnFor(time);
      signal("-CONT", executor);
      return this;
    }

    /** Lets executors write no file beyond so many bytes for a while, as on a disk that is full. */
    public Running limitFiles(long bytes, Duration time) {
      List<ProcessHandle> all = executors().toList();
      all.forEach(each -> limit("--fsize=" + bytes + ":", each));
      goesOnFor(time);
      all.forEach(each -> limit("--fsize=unlimited:", each));
      return this;
    }

    /** Gives one executor no more memory outside of Java's heap for a while. */
    public Running limitMemory(Duration time) {
      ProcessHandle executor = executor();
      limit("--as=" + addresses(executor) + ":", executor);
      goesOnFor(time);
      limit("--as=unlimited:", executor);
      return this;
    }

    /** Bytes of addresses that a process has. */
    private static long addresses(ProcessHandle of) {
      try {
        return Files.readAllLines(Path.of("/proc", Long.toString(of.pid()), "status")).stream()
            .filter(line -> line.startsWith("VmSize:"))
            .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
            .findFirst()
            .orElseThrow();
      } catch (IOException ended) {
        return Long.MAX_VALUE / 2;
      }
    }

    private static void limit(String what, ProcessHandle of) {
      execute("prlimit", "--pid", Long.toString(of.pid()), what);
    }

    private static void signal(String signal, ProcessHandle of) {
      execute("kill", signal, Long.toString(of.pid()));
    }

    /** That the process may be gone meanwhile is no harm. */
    private static void execute(String... command) {
      try {
        new ProcessBuilder(command).redirectErrorStream(true).start().waitFor();
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    /** What the driver has taken of the processor. */
    double processorSeconds() {
      return process.info().totalCpuDuration().map(all -> all.toMillis() / 1e3).orElse(0.0);
    }

    public boolean hasExecutor() {
      return executors().findAny().isPresent();
    }

    private ProcessHandle executor() {
      return executors()
          .findFirst()
          .orElseThrow(() -> new AssertionError("no executor runs: " + read("error")));
    }

    private Stream<ProcessHandle> executors() {
      return process.children().filter(child -> child.info().command().orElse("").endsWith("java"));
    }

    /** Kills the driver, and with it everything, without warning. */
    public void kill() {
      List<ProcessHandle> executors = process.children().toList();
      process.destroyForcibly();
      executors.forEach(ProcessHandle::destroyForcibly);
      try {
        process.waitFor();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    /** What the command said so far on standard error. */
    public String errorSoFar() {
      return read("error");
    }

    /** What the executors logged so far. */
    public String executorLogs() {
      StringBuilder logs = new StringBuilder();
      try (Stream<Path> files = Files.walk(home.resolve("work"))) {
        for (Path file : files.filter(each -> each.endsWith("stderr")).toList()) {
          logs.append(Files.readString(file));
        }
      } catch (IOException | UncheckedIOException none) {
        // Not there yet.
      }
      return logs.toString();
    }

    /** Waits for the end. */
    public Outcome await() {
      try {
        if (!process.waitFor(patience.toSeconds(), TimeUnit.SECONDS)) {
          kill();
          throw new AssertionError("no end after " + patience + ": " + read("error"));
        }
        Outcome outcome = new Outcome(process.exitValue(), read("out"), read("error"));
        if (outcome.exitCode() == 0) {
          // Each executor has its copy of the jar in there.
          delete(home);
        }
        return outcome;
      } catch (InterruptedException | IOException e) {
        throw new IllegalStateException(e);
      }
    }

    private String read(String name) {
      try {
        return Files.readString(home.resolve(name));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    private static void pause() {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /** How a command ended. */
  public record Outcome(int exitCode, String out, String error) {

    /** What stands after {@code RESULT} on lines of standard output, one of each job of a line. */
    public List<JsonNode> results() {
      return out.lines()
          .filter(line -> line.startsWith("RESULT "))
          .map(line -> Json.read(line.substring("RESULT ".length()), JsonNode.class, "RESULT"))
          .toList();
    }

    /** What stands after {@code RESULT} on the last line of standard output. */
    public JsonNode result() {
      String last = last(out);
      assertThat(last)
          .as("last line of standard output; standard error: %s", error)
          .startsWith("RESULT ");
      return Json.read(last.substring("RESULT ".length()), JsonNode.class, "RESULT");
    }

    /** The line that tells a failure. */
    public String failure() {
      return last(error);
    }

    private static String last(String text) {
      return text.lines().reduce((first, second) -> second).orElse("");
    }
  }
}
