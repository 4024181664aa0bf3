package dev.ontogeny.job.demo;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.demo.PlantedComparison.Score;
import dev.ontogeny.job.Job;
import dev.ontogeny.run.ByteSize;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole line on made-up activations whose features are known, and on a network that learns to
 * add modulo p; ends with what was planted against what was recovered. Needs no input.
 */
public final class Demo implements Job<DemoSettings> {
  private static final Logger LOG = LoggerFactory.getLogger(Demo.class);
  private static final String VERIFICATION = "verification.json";

  /** What {@code verification.json} holds. */
  record Verification(
      DemoPlanted.Verification planted, DemoAddition.Verification modularAddition) {}

  @Override
  public String name() {
    return "demo";
  }

  @Override
  public String description() {
    return "Runs the whole line on made-up activations with known births and deaths, and compares. Needs no input.";
  }

  @Override
  public Class<DemoSettings> settingsType() {
    return DemoSettings.class;
  }

  @Override
  public Plan plan(SparkSession spark, DemoSettings settings) {
    DemoSettings.Planted planted = settings.planted();
    DemoSettings.Addition addition = settings.addition();
    long plantedRows =
        (long) planted.documents() * planted.documentLength() * planted.checkpoints();
    long additionRows = (long) addition.modulus() * addition.modulus() * addition.captures();
    long bytes = 4 * (plantedRows * planted.width() + additionRows * addition.hidden());
    double trained =
        operations(planted.dictionaries(), planted.width(), planted.checkpoints())
            + operations(addition.dictionaries(), addition.hidden(), addition.captures());
    Map<String, String> lines = new LinkedHashMap<>();
    lines.put(
        "rows",
        String.format(
            Locale.ROOT, "%,d planted, %,d of modular addition", plantedRows, additionRows));
    lines.put("bytes", new ByteSize(bytes).toString());
    lines.put(
        "tasks",
        String.format(
            Locale.ROOT,
            "%d to plant, then those of shard, train, measure and evolve, twice",
            planted.checkpoints()));
    lines.put("FLOPs", String.format(Locale.ROOT, "%.2e to train dictionaries", trained));
    lines.put("memory per task", "as the jobs' plans say; the network and its pairs: 100 MiB");
    return new Plan(lines, null);
  }

  /** Six per row and weight that is touched: the encoder wholly, the rest sparsely. */
  private static double operations(
      DemoSettings.Dictionaries dictionaries, int inputs, int checkpoints) {
    double rows = dictionaries.tokens() + (double) dictionaries.linkTokens() * (checkpoints - 1);
    return 2 * rows * inputs * (2.0 * dictionaries.width() + 8.0 * dictionaries.k());
  }

  @Override
  public Result run(SparkSession spark, DemoSettings settings) {
    try {
      if (settings.output() != null) {
        return new Lines(Folder.of(settings.output())).run(spark, settings);
      }
      Lines lines = new Lines(Folder.of(Files.createTempDirectory("ontogeny-demo-").toString()));
      boolean done = false;
      try {
        Result result = lines.run(spark, settings);
        done = true;
        return result;
      } finally {
        lines.clear(done);
      }
    } catch (IOException e) {
      throw Failure.resources("%s", e.getMessage()).causedBy(e);
    }
  }

  /** Both demonstrations and where they lie. */
  private record Lines(Folder folder, DemoLine planted, DemoLine addition) {
    Lines(Folder folder) {
      this(
          folder,
          new DemoLine(Folder.of(folder.resolve("planted"))),
          new DemoLine(Folder.of(folder.resolve("modular-addition"))));
    }

    Result run(SparkSession spark, DemoSettings settings) throws IOException {
      long started = System.nanoTime();
      String identity = claim(folder, settings);
      Verification verification =
          new Verification(
              new DemoPlanted(settings, planted).run(spark),
              new DemoAddition(settings, addition).run(spark));
      folder.writeText(VERIFICATION, Json.pretty(verification));
      LOG.info("demonstrated in {} s", (System.nanoTime() - started) / 1_000_000_000);
      Manifest manifest =
          new Manifest(
              "demo",
              1,
              identity,
              Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
              Identity.resultSettings(settings),
              List.of(),
              List.of(),
              null,
              Provenance.here(spark.version(), null),
              Json.tree(verification));
      List<String> lines = new ArrayList<>(lines(verification, settings));
      lines.add("open " + planted.page());
      lines.add("open " + addition.page());
      return new Result(manifest, folder.toString(), false, lines);
    }

    /** Leaves the reports, or nothing. */
    void clear(boolean keepReports) throws IOException {
      if (keepReports) {
        planted.keepOnlyReport();
        addition.keepOnlyReport();
        folder.delete("demo.json");
      } else {
        folder.delete(".");
      }
    }
  }

  /** The folder is empty or holds this very demonstration, perhaps cut off. */
  private static String claim(Folder folder, DemoSettings settings) throws IOException {
    String identity = Identity.of("demo", 1, settings, List.of());
    if (folder.exists("demo.json")) {
      String there =
          Json.read(folder.readText("demo.json"), Claim.class, folder.resolve("demo.json"))
              .identity();
      if (!identity.equals(there)) {
        throw Failure.settings(
            "output %s holds a demonstration of other settings: choose another output or delete it",
            folder);
      }
    } else if (!folder.list("").isEmpty()) {
      throw Failure.settings(
          "output %s is not empty and holds no demonstration: choose another output", folder);
    }
    folder.writeText(
        "demo.json", Json.pretty(new Claim(identity, Identity.resultSettings(settings))));
    return identity;
  }

  /** Whose folder this is. */
  record Claim(String identity, com.fasterxml.jackson.databind.JsonNode settings) {}

  private static List<String> lines(Verification verification, DemoSettings settings) {
    DemoPlanted.Verification planted = verification.planted();
    DemoAddition.Verification addition = verification.modularAddition();
    List<String> lines = new ArrayList<>();
    lines.add("");
    lines.add(
        String.format(
            Locale.ROOT,
            "PLANTED FEATURES: %d in %d dimensions, %d checkpoints; dictionaries never saw the truth",
            planted.features(),
            settings.planted().width(),
            settings.planted().checkpoints()));
    lines.add(
        String.format(
            Locale.ROOT,
            "%d of %d found (cosine at least 0.8), by %d tracks of confidence at least %.2f; mean max cosine %.4f",
            planted.found(),
            planted.features(),
            planted.tracks(),
            planted.confidence(),
            planted.meanMaxCosine()));
    lines.add("");
    lines.add("event    planted  claimed  right  precision  recall  F1     error in checkpoints");
    lines.add(line("births", planted.births()));
    lines.add(line("peaks", planted.peaks()));
    lines.add(line("deaths", planted.deaths()));
    lines.add("");
    lines.add("confidence  tracks  found  births: precision  recall  F1");
    for (var each : planted.byConfidence()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%10.2f  %6d  %5d  %17.3f  %6.3f  %5.3f",
              each.confidence(),
              each.tracks(),
              each.found(),
              each.births().precision(),
              each.births().recall(),
              each.births().f1()));
    }
    lines.add("");
    lines.add(
        String.format(
            Locale.ROOT,
            "MODULAR ADDITION: a + b modulo %d, %d neurons, %d frequencies",
            settings.addition().modulus(),
            settings.addition().hidden(),
            (settings.addition().modulus() - 1) / 2));
    lines.add("epoch  accuracy: train  test   frequencies: network  dictionary  both");
    for (DemoAddition.Epoch each : addition.epochs()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%5d  %15.3f  %5.3f  %20d  %10d  %4d",
              each.epoch(),
              each.trainAccuracy(),
              each.testAccuracy(),
              each.frequenciesInNetwork().size(),
              each.frequenciesInDictionary().size(),
              each.frequenciesInNetwork().stream()
                  .filter(each.frequenciesInDictionary()::contains)
                  .count()));
    }
    lines.add(
        String.format(
            Locale.ROOT,
            "at the end %d of the network's %d frequencies found; rank correlation of frequencies found with test accuracy %.3f",
            addition.frequenciesFound(),
            addition.frequenciesExpected(),
            addition.rankCorrelationWithTestAccuracy()));
    lines.add("");
    return lines;
  }

  private static String line(String event, Score score) {
    return String.format(
        Locale.ROOT,
        "%-7s  %7d  %7d  %5d  %9.3f  %6.3f  %5.3f  %20.2f",
        event,
        score.planted(),
        score.claimed(),
        score.hits(),
        score.precision(),
        score.recall(),
        score.f1(),
        score.meanError());
  }
}
