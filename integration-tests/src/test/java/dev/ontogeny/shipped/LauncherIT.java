package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** {@code deploy/ontogeny} from a checkout whose path holds spaces, called from another folder. */
class LauncherIT {
  private static final Path WORK = ShippedJar.folder("LauncherIT");
  private static Checkout checkout;

  @BeforeAll
  static void copyOfTheCheckout() throws IOException {
    checkout = Checkout.in(WORK.resolve("a check out"));
  }

  @Test
  void helpListsTheCommandsOfTheJar() throws Exception {
    Checkout.Outcome fast = launch(Map.of(), "--help");
    assertThat(fast.exitCode()).isZero();
    Checkout.Outcome version = launch(Map.of(), "--version");
    assertThat(version.out()).startsWith("ontogeny 0.");
    // An option that the launcher does not answer itself: the help of the jar.
    Checkout.Outcome jar = launch(Map.of(), "--version", "--help");
    assertThat(commandsOf(fast.out())).containsAll(commandsOf(jar.out())).contains("describe");
  }

  @Test
  void aCommandRunsWithTheJarsThatMavenResolved() throws Exception {
    Checkout.Outcome outcome = launch(Map.of(), "describe", WORK.toString());
    assertThat(outcome.exitCode()).isEqualTo(3);
    assertThat(outcome.error())
        .isEqualTo(
            "ontogeny: data: " + WORK + " is not a published folder: it has no _manifest.json\n");
    Checkout.Outcome submitted =
        launch(Map.of(), "--master", "local[1]", "describe", WORK + "/a check out");
    assertThat(submitted.exitCode()).as(submitted.error()).isEqualTo(3);
    assertThat(submitted.error())
        .endsWith(
            "ontogeny: data: "
                + checkout.root()
                + " is not a published folder: it has no _manifest.json\n");
  }

  @Test
  void sparksClassesComeOutOfTheArchiveOfTheBuild() throws Exception {
    assumeTrue(
        Files.exists(Checkout.sparkJars().resolveSibling("classes.jsa")),
        "built with -Dexec.skip: without an archive of classes");
    // A Java that must not go without would end before it says this.
    Checkout.Outcome outcome =
        launch(
            Map.of("ONTOGENY_JAVA_OPTIONS", "-Xshare:on"),
            "--master",
            "local[1]",
            "describe",
            WORK.toString());
    assertThat(outcome.error())
        .endsWith("data: " + WORK + " is not a published folder: it has no _manifest.json\n");
    assertThat(outcome.exitCode()).isEqualTo(3);
  }

  @Test
  void whatIsMissingIsNamed() throws Exception {
    assertFailure(launch(Map.of()), 2, "ontogeny: usage: name a command");
    assertFailure(
        launch(Map.of(), "shard", "--master"),
        2,
        "ontogeny: usage: --master needs a value (see ontogeny --help)");
    assertFailure(
        launch(Map.of("SPARK_HOME", "/nowhere"), "shard"),
        2,
        "ontogeny: usage: SPARK_HOME is /nowhere, which holds no Spark 4 with Scala 2.13: choose another or unset it");
    assertFailure(
        launch(Map.of("JAVA_HOME", "/nowhere"), "shard"),
        2,
        "ontogeny: usage: no Java found: install a JDK 17 and put java on PATH or set JAVA_HOME");
    assertFailure(
        launch(Map.of("ONTOGENY_JAR", "/nowhere.jar"), "shard"),
        2,
        "ontogeny: usage: ONTOGENY_JAR names /nowhere.jar, which does not exist or cannot be read");
    assertFailure(
        launch(Map.of("ONTOGENY_JAR", "local:///there.jar"), "shard"),
        2,
        "ontogeny: usage: ONTOGENY_JAR names local:///there.jar, which only a driver inside of a cluster can read (--deploy-mode cluster): unset it here");
    assertFailure(
        launch(Map.of(), "shard", "--properties-file", "/nowhere.conf"),
        2,
        "ontogeny: settings: properties file /nowhere.conf does not exist or cannot be read");
  }

  @Test
  void tooLittleMemoryIsToldWithWhatWouldDo() throws Exception {
    // The check comes from Spark, before any job begins.
    Path pipeline = Files.writeString(WORK.resolve("line.conf"), "report = null");
    Checkout.Outcome outcome =
        launch(
            Map.of(),
            "run",
            "--config",
            pipeline.toString(),
            "--driver-memory",
            "300m",
            "--dry-run",
            "--set",
            "work=" + WORK.resolve("work"),
            "--set",
            "shard.input=/nowhere");
    assertFailure(
        outcome,
        4,
        "ontogeny: resources: too little memory: Spark needs 451 MiB at least; use --driver-memory 451m or more");
  }

  private static void assertFailure(Checkout.Outcome outcome, int exitCode, String line) {
    assertThat(outcome.exitCode()).as(outcome.error()).isEqualTo(exitCode);
    assertThat(outcome.error()).endsWith(line + "\n");
  }

  private static List<String> commandsOf(String help) {
    return help.lines()
        .filter(line -> line.matches(" {2}[a-z]+ +[A-Z].*"))
        .map(line -> line.strip().replaceAll(" .*", ""))
        .toList();
  }

  private static Checkout.Outcome launch(Map<String, String> environment, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>();
    command.add(checkout.root().resolve("deploy/ontogeny").toString());
    command.addAll(List.of(arguments));
    return checkout.run(Path.of("/"), environment, command);
  }
}
