package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What a user's checkout holds once it is built: the launcher, the settings, the jar and a Spark of
 * jars. The jar is newer than all sources here, so that nothing is built.
 */
record Checkout(Path root) {
  /** What a command ended with. */
  record Outcome(int exitCode, String out, String error) {
    /** What stands after {@code RESULT} on lines of standard output. */
    List<JsonNode> results() {
      return out.lines()
          .filter(line -> line.startsWith("RESULT "))
          .map(line -> Json.read(line.substring("RESULT ".length()), JsonNode.class, "RESULT"))
          .toList();
    }
  }

  /** Makes one in a folder that does not exist yet. */
  static Checkout in(Path folder) throws IOException {
    Path source = Path.of(System.getProperty("ontogeny.root")).toAbsolutePath().normalize();
    Path jar = Path.of(System.getProperty("ontogeny.jar")).toAbsolutePath().normalize();
    Files.createDirectories(folder.resolve("deploy"));
    Files.copy(
        source.resolve("deploy/ontogeny"),
        folder.resolve("deploy/ontogeny"),
        StandardCopyOption.COPY_ATTRIBUTES);
    Files.copy(source.resolve("pom.xml"), folder.resolve("pom.xml"));
    Files.createSymbolicLink(folder.resolve("conf"), source.resolve("conf"));
    Path target = Files.createDirectories(folder.resolve("jobs/target"));
    Files.createSymbolicLink(target.resolve(jar.getFileName()), jar);
    Path home = Files.createDirectories(target.resolve("spark-home"));
    Files.createSymbolicLink(home.resolve("jars"), sparkJars());
    Files.createSymbolicLink(
        home.resolve("classes.jsa"), sparkJars().resolveSibling("classes.jsa"));
    return new Checkout(folder);
  }

  static Path sparkJars() {
    return Path.of(System.getProperty("ontogeny.spark.home"), "jars").toAbsolutePath().normalize();
  }

  /** Runs a script of bash in the checkout; it ends with its first command that fails. */
  Outcome bash(Map<String, String> environment, String script) throws Exception {
    return run(root, environment, List.of("bash", "-euo", "pipefail", "-c", script));
  }

  Outcome run(Path folder, Map<String, String> environment, List<String> command) throws Exception {
    Path out = Files.createTempFile(root, "out", ".txt");
    Path error = Files.createTempFile(root, "error", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(error.toFile());
    builder.environment().keySet().removeAll(List.of("SPARK_HOME", "SPARK_CONF_DIR"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().putAll(environment);
    Process process = builder.start();
    boolean ended = process.waitFor(10, TimeUnit.MINUTES);
    if (!ended) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    String said = Files.readString(error);
    assertThat(ended).as("ended within ten minutes: %s: %s", command, said).isTrue();
    return new Outcome(process.exitValue(), Files.readString(out), said);
  }
}
