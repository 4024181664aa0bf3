package dev.ontogeny.job.demo;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.Main;
import dev.ontogeny.job.Pipeline;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One capture of the demonstration and what the line makes of it. The jobs are a user's, and so is
 * the pipeline file: it stays beside the results, and {@code ontogeny run --config} takes it.
 *
 * @param folder holds {@code capture}, {@code pipeline.conf} and what the jobs publish
 */
record DemoLine(Folder folder) {
  private static final Logger LOG = LoggerFactory.getLogger(DemoLine.class);
  private static final String REPORT = "report";

  Folder capture() {
    return Folder.of(folder.resolve("capture"));
  }

  /** A folder that a job publishes. */
  Folder published(String name) {
    return Folder.of(folder.resolve(name));
  }

  /**
   * Shards, trains, measures, evolves and reports.
   *
   * @param title of the report
   */
  void run(
      SparkSession spark,
      DemoSettings settings,
      DemoSettings.Dictionaries dictionaries,
      String title)
      throws IOException {
    Config pipeline = pipeline(settings, dictionaries, title);
    folder.writeText(
        "pipeline.conf",
        pipeline
            .root()
            .render(ConfigRenderOptions.defaults().setOriginComments(false).setJson(false)));
    for (Pipeline.Step<?> step : Pipeline.of(Main.jobs(), pipeline, "demo").steps()) {
      Job.Result result = step.run(spark);
      result.lines().forEach(line -> LOG.info("{}: {}", step.job().name(), line));
    }
  }

  /** Deletes everything but the report, which needs nothing else. */
  void keepOnlyReport() throws IOException {
    Set<String> names = new TreeSet<>();
    for (String file : folder.list("")) {
      names.add(file.split("/", 2)[0]);
    }
    names.remove(REPORT);
    for (String name : names) {
      folder.delete(name);
    }
  }

  /** What a browser opens. */
  String page() {
    return published(REPORT).toString() + "/index.html";
  }

  private Config pipeline(
      DemoSettings settings, DemoSettings.Dictionaries dictionaries, String title) {
    Map<String, Object> training =
        Map.of(
            "batch", dictionaries.batch(),
            "tokens", dictionaries.tokens(),
            "link-tokens", dictionaries.linkTokens(),
            "learning-rate", dictionaries.learningRate(),
            "warm-up", 0.05,
            "decay", 0.3,
            "dead-window", dictionaries.deadWindow());
    Map<String, Object> sections =
        Map.of(
            "work",
            folder.toString(),
            "shard",
            Map.of(
                "input",
                List.of(capture().toString()),
                "seed",
                settings.seed(),
                "shards",
                8,
                "held-out-share",
                0.125),
            "train",
            Map.of(
                "seed",
                settings.seed(),
                "mode",
                "chain",
                "replicas",
                dictionaries.replicas(),
                "dictionaries",
                List.of(
                    Map.of("type", "top-k", "width", dictionaries.width(), "k", dictionaries.k())),
                "training",
                training),
            "measure",
            Map.of("seed", settings.seed()),
            "evolve",
            Map.of("seed", settings.seed(), "formation", Map.of("tracks", 128)),
            REPORT,
            Map.of("title", title, "confident", settings.confidence()));
    return ConfigFactory.parseMap(sections);
  }

  /** The dictionaries of the first replica, by checkpoint. */
  List<DictionaryMetadata> series() {
    return DictionaryFolder.open(published("dictionaries")).dictionaries().stream()
        .filter(each -> each.replica() == 0)
        .sorted(Comparator.comparingLong(each -> each.sources().get(0).checkpoint()))
        .toList();
  }

  List<Dictionary> dictionaries(List<DictionaryMetadata> series) throws IOException {
    List<Dictionary> dictionaries = new ArrayList<>();
    for (DictionaryMetadata each : series) {
      dictionaries.add(DictionaryFolder.read(published("dictionaries"), each));
    }
    return dictionaries;
  }
}
