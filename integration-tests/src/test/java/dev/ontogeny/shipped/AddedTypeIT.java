package dev.ontogeny.shipped;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ontogeny.data.CaptureFixture;
import dev.ontogeny.data.CaptureFixture.Encoding;
import dev.ontogeny.data.CaptureFixture.Form;
import dev.ontogeny.elsewhere.PricedTopK;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A type of dictionary that only a jar of the user's own has, on executors of their own. */
class AddedTypeIT {
  private static final Path WORK = ShippedJar.folder("AddedTypeIT");
  private static final Path JAR = WORK.resolve("types.jar");
  private static final String ENTRY = "{type=priced-top-k,width=16,k=3}";

  @BeforeAll
  static void prepare() throws Exception {
    Path classes =
        Path.of(PricedTopK.class.getProtectionDomain().getCodeSource().getLocation().toURI())
            .resolve("dev/ontogeny/elsewhere");
    try (OutputStream file = Files.newOutputStream(JAR);
        JarOutputStream jar = new JarOutputStream(file);
        Stream<Path> all = Files.list(classes)) {
      for (Path each : all.sorted().toList()) {
        jar.putNextEntry(new JarEntry("dev/ontogeny/elsewhere/" + each.getFileName()));
        Files.copy(each, jar);
      }
      jar.putNextEntry(new JarEntry("META-INF/services/dev.ontogeny.type.DictionaryType"));
      jar.write(PricedTopK.Type.class.getName().getBytes(StandardCharsets.UTF_8));
    }
    for (long checkpoint = 0; checkpoint < 2; checkpoint++) {
      CaptureFixture.write(
          WORK.resolve("capture"),
          "a",
          checkpoint,
          Form.HALF_LIST,
          Encoding.usual(),
          12,
          CaptureFixture.rows(60, 50, 12, checkpoint));
    }
    run(
        0,
        ShippedJar.job(
                "shard", "input=" + WORK.resolve("capture"), "output=" + WORK.resolve("dataset"))
            .local(1));
  }

  @Test
  void isTrainedPublishedAndMeasured() throws IOException {
    Path dictionaries = WORK.resolve("dictionaries");
    run(0, train(dictionaries, ENTRY).configure("spark.jars", JAR.toString()));
    List<JsonNode> metadata = new ArrayList<>();
    try (Stream<Path> files = Files.walk(dictionaries)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".json")).toList()) {
        JsonNode node = new ObjectMapper().readTree(file.toFile());
        if (node.has("rule")) {
          metadata.add(node);
        }
      }
    }
    assertThat(metadata).hasSize(2);
    assertThat(metadata)
        .allSatisfy(
            node -> {
              assertThat(node.path("type").asText()).isEqualTo("priced-top-k");
              assertThat(node.path("rule").asText()).contains("the k largest of max(pre, 0)");
              assertThat(node.at("/training/settings/specification/sparsity/price").asDouble())
                  .isEqualTo(0.25);
              assertThat(node.at("/quality/l0").asDouble()).isBetween(0.5, 3.0);
            });
    String[] features = {
      "dataset=" + WORK.resolve("dataset"),
      "dictionaries=" + dictionaries,
      "output=" + WORK.resolve("features")
    };
    run(0, ShippedJar.job("measure", features).local(2).configure("spark.jars", JAR.toString()));
    // Without the jar: what is wrong, and what would be right.
    ShippedJar.Outcome lost = run(3, ShippedJar.job("measure", features).local(1));
    assertThat(lost.failure())
        .contains("'priced-top-k' is no type of dictionary that is known here")
        .contains("one of another jar needs it: --jars");
  }

  @Test
  void isRefusedWithItsOwnWords() {
    Path output = WORK.resolve("refused");
    assertThat(
            run(
                    2,
                    train(output, "{type=priced-top-k,width=16,k=3,price=-1}")
                        .local(1)
                        .configure("spark.jars", JAR.toString()))
                .failure())
        .contains("dictionaries.0.price must be at least 0, got -1");
    ShippedJar transcoder = train(output, ENTRY, "targets={a=b}");
    assertThat(run(2, transcoder.local(1).configure("spark.jars", JAR.toString())).failure())
        .contains(
            "dictionaries.0 must be of a type that can reconstruct another site than it reads, since targets has a → b")
        .contains("type priced-top-k cannot");
    assertThat(run(2, train(output, ENTRY).local(1)).failure())
        .contains("must be one of top-k, batch-top-k, ")
        .contains("got priced-top-k");
    assertThat(output).doesNotExist();
  }

  private static ShippedJar train(Path output, String entry, String... more) {
    List<String> settings =
        new ArrayList<>(
            List.of(
                "dataset=" + WORK.resolve("dataset"),
                "output=" + output,
                "replicas=1",
                "dictionaries=[" + entry + "]",
                "training.tokens=4000",
                "training.link-tokens=2000",
                "training.batch=64"));
    settings.addAll(List.of(more));
    return ShippedJar.job("train", settings.toArray(String[]::new));
  }

  private static ShippedJar.Outcome run(int exitCode, ShippedJar command) {
    ShippedJar.Outcome outcome = command.run(WORK);
    assertThat(outcome.exitCode()).as(outcome.error()).isEqualTo(exitCode);
    return outcome;
  }
}
