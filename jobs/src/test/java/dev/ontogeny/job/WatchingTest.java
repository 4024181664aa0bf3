package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import com.codahale.metrics.MetricRegistryListener;
import com.typesafe.config.ConfigFactory;
import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Leftovers;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.run.Effort;
import dev.ontogeny.spark.Progress;
import dev.ontogeny.spark.RunMetrics;
import dev.ontogeny.spark.SparkRuntime;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.spark.SparkEnv;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerStageSubmitted;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is seen of a run from outside while it goes on, over the whole line. */
class WatchingTest {
  private static final PlantedActivations PLANTED =
      new PlantedActivations(PlantedActivations.Plan.of(3, 16, 24, 6));
  private static final long DOCUMENTS = 24;

  @TempDir private static Path work;

  private static final Set<String> DESCRIBED = new ConcurrentSkipListSet<>();
  private static final List<String> JOBS = new ArrayList<>();
  private static final Set<String> GAUGES = ConcurrentHashMap.newKeySet();
  private static final Set<String> GONE = ConcurrentHashMap.newKeySet();
  private static final Map<String, Effort> EFFORTS = new TreeMap<>();
  private static final Map<String, Double> PREDICTED = new TreeMap<>();
  private static final Map<String, String> PLANNED = new TreeMap<>();
  private static List<String> page;

  @BeforeAll
  static void line() throws Exception {
    CaptureWriter.write(Folder.of(work + "/capture"), DatasetFixture.SITE, PLANTED, DOCUMENTS);
    Pipeline pipeline =
        Pipeline.of(
            Main.jobs(),
            ConfigFactory.parseString(
                    """
                work = "%s"
                shard { input = ${work}/capture, shards = 3, held-out-share = 0.34, skip-first-positions = 0 }
                train {
                  dictionaries = [ { type = top-k, width = 32, k = 4 } ]
                  training { batch = 256, tokens = 2048, link-tokens = 1024, dead-window = 1024 }
                }
                measure { replicates = 5 }
                evolve { formation.tracks = 4, phases { shifts = 20, bootstraps = 20 } }
                report {}
                """
                        .formatted(work))
                .resolve(),
            "line");
    System.setProperty("spark.master", "local[2]");
    System.setProperty("spark.ui.enabled", "true");
    System.setProperty("spark.ui.port", "0");
    System.setProperty("spark.metrics.namespace", "ontogeny");
    String sink = "spark.metrics.conf.*.sink.prometheusServlet.";
    System.setProperty(sink + "class", "org.apache.spark.metrics.sink.PrometheusServlet");
    System.setProperty(sink + "path", "/metrics/prometheus");
    try (Progress progress = Progress.logged();
        SparkSession spark = SparkRuntime.open("watching", progress)) {
      spark.sparkContext().addSparkListener(new Descriptions());
      listen(registry());
      for (Pipeline.Step<?> step : pipeline.steps()) {
        JOBS.add(step.job().name());
        step.run(spark);
      }
      HttpRequest request =
          HttpRequest.newBuilder(
                  URI.create(spark.sparkContext().uiWebUrl().get() + "/metrics/prometheus/"))
              .build();
      Estimate.use(spark, List.of(work.toString()));
      for (Folder folder : Leftovers.publications(Folder.of(work.toString()))) {
        Manifest manifest = Manifest.read(folder);
        Effort effort = manifest.provenance().effort();
        EFFORTS.put(manifest.kind(), effort);
        PREDICTED.put(
            manifest.kind(),
            Estimate.of(
                    spark,
                    new Workload(
                        manifest.kind(),
                        effort.bytes(),
                        effort.flops(),
                        effort.features(),
                        effort.tasks(),
                        effort.threads()))
                .seconds());
      }
      for (Pipeline.Step<?> step : pipeline.steps()) {
        PLANNED.put(step.job().name(), planned(spark, step));
      }
      page =
          HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body().lines().toList();
    } finally {
      for (String key : new TreeSet<>(System.getProperties().stringPropertyNames())) {
        if (key.startsWith("spark.metrics.") || key.startsWith("spark.ui.")) {
          System.clearProperty(key);
        }
      }
      System.clearProperty("spark.master");
    }
  }

  @Test
  void everyStageOfEveryJobSaysWhoseItIsAndWhatItDoes() {
    assertThat(JOBS).containsExactly("shard", "train", "measure", "evolve", "report");
    assertThat(DESCRIBED)
        .hasSizeGreaterThan(12)
        .allMatch(each -> each.matches("(shard|train|measure|evolve|report): [a-z0-9].*"));
    assertThat(JOBS).allMatch(job -> DESCRIBED.stream().anyMatch(d -> d.startsWith(job + ": ")));
    assertThat(DESCRIBED).contains("train: 12 dictionaries in 2 tasks");
  }

  @Test
  void everyDictionaryIsToldOfWhileItIsInTraining() {
    List<String> ids =
        DictionaryFolder.open(Folder.of(work + "/dictionaries")).dictionaries().stream()
            .map(each -> each.id())
            .toList();
    assertThat(ids).hasSize(12);
    for (String id : ids) {
      for (String what : List.of("tokens", "loss", "fvu")) {
        assertThat(GAUGES).contains("dictionary." + id + "." + what);
      }
    }
    assertThat(GONE).as("they are trained").hasSize(36).isSubsetOf(GAUGES);
  }

  @Test
  void theyStandWherePrometheusLooks() {
    String prefix = "metrics_ontogeny_driver_plugin_dev_ontogeny_spark_RunMetrics_";
    assertThat(page).contains(prefix + "dictionaries_training_Value{type=\"gauges\"} 0");
    long captured =
        DOCUMENTS * PLANTED.plan().documentLength() * PLANTED.plan().checkpoints().size();
    assertThat(page)
        .filteredOn(line -> line.startsWith(prefix + "rows_Value{"))
        .singleElement()
        .satisfies(
            line ->
                assertThat(Long.parseLong(line.replaceFirst(".* ", "")))
                    .as("read and written by shard, trained on, encoded")
                    .isGreaterThan(3 * captured));
  }

  @Test
  void everyManifestTellsWhatTheRunHadToDoAndTook() {
    assertThat(EFFORTS)
        .containsOnlyKeys("dataset", "dictionaries", "features", "evolution", "report")
        .allSatisfy(
            (kind, effort) -> {
              assertThat(effort.seconds()).isPositive();
              assertThat(effort.predictedSeconds()).isPositive();
              assertThat(effort.rates()).isEqualTo("default");
              assertThat(effort.cores()).isEqualTo(2);
              assertThat(effort.tasks()).isPositive();
            });
    assertThat(EFFORTS.get("dictionaries").tasks()).isEqualTo(2);
    // 12 dictionaries of width 32 at 6 checkpoints.
    assertThat(EFFORTS.get("evolution").features()).isEqualTo(12 * 32);
    assertThat(EFFORTS.get("report").features()).isPositive();
  }

  @Test
  void fromItsOwnRatesARunIsPredictedAsItWas() {
    EFFORTS.forEach(
        (kind, effort) ->
            assertThat(PREDICTED.get(kind))
                .as(kind)
                .isCloseTo(effort.seconds(), withinPercentage(1e-6)));
  }

  /** Plan and run compute the same work, so from a run's rates the plan is what it took. */
  @Test
  void thePlanOfTheSameWorkSaysWhatItTook() {
    assertThat(PLANNED.get("shard")).startsWith(took("dataset"));
    assertThat(PLANNED.get("train")).startsWith(took("dictionaries"));
    assertThat(PLANNED.get("measure")).startsWith(took("features"));
    assertThat(PLANNED.get("evolve")).startsWith(took("evolution"));
    assertThat(PLANNED.get("report")).startsWith(took("report"));
  }

  private static String took(String kind) {
    return "about "
        + Estimate.duration(EFFORTS.get(kind).seconds())
        + " on 2 cores, as "
        + Folder.of(work.toString()).location().replaceFirst("^file:/*", "/")
        + "/"
        + kind
        + " took: ";
  }

  private static <S extends Record> String planned(SparkSession spark, Pipeline.Step<S> step) {
    return step.job().plan(spark, step.settings()).lines().get("time");
  }

  private static MetricRegistry registry() {
    return SparkEnv.get()
        .metricsSystem()
        .getSourcesByName("plugin." + RunMetrics.class.getName())
        .apply(0)
        .metricRegistry();
  }

  private static void listen(MetricRegistry registry) {
    registry.addListener(
        new MetricRegistryListener.Base() {
          @Override
          public void onGaugeAdded(String name, Gauge<?> gauge) {
            assertThat(gauge.getValue()).isNotNull();
            GAUGES.add(name);
          }

          @Override
          public void onGaugeRemoved(String name) {
            GONE.add(name);
          }
        });
  }

  private static final class Descriptions extends SparkListener {
    @Override
    public void onStageSubmitted(SparkListenerStageSubmitted event) {
      DESCRIBED.add(
          event
              .properties()
              .getProperty(
                  "spark.job.description", "nothing is said of " + event.stageInfo().name()));
    }
  }
}
