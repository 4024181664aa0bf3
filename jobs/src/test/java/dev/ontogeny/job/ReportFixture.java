package dev.ontogeny.job;

import static dev.ontogeny.data.TableSchema.ColumnType.LONG;

import dev.ontogeny.data.DictionaryTables;
import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublicationFixture;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.job.report.Report;
import dev.ontogeny.job.report.ReportSettings;
import dev.ontogeny.run.Seeds;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.apache.commons.io.FileUtils;
import org.apache.spark.sql.SparkSession;

/**
 * Small published folders with made-up contents that follow the data contract: two replicas of one
 * chain, whose tracks are born, peak and die by a plan, and tokens of the worst kind.
 *
 * @param tracks of each replica
 * @param examples top examples of every feature at every checkpoint
 * @param sites whether there are tables about sites, whatever the dictionaries
 */
public record ReportFixture(Path root, int tracks, int examples, boolean sites) {

  /** With six top examples of every feature at every checkpoint. */
  public ReportFixture(Path root, int tracks) {
    this(root, tracks, 6);
  }

  public ReportFixture(Path root, int tracks, int examples) {
    this(root, tracks, examples, true);
  }

  /** As folders were before there were tables about sites. */
  public ReportFixture withoutSites() {
    return new ReportFixture(root, tracks, examples, false);
  }

  public static final List<Long> CHECKPOINTS =
      List.of(0L, 1L, 4L, 16L, 64L, 128L, 256L, 512L, 1000L, 2000L, 4000L);
  public static final String SITE = "blocks.2.hook_resid_post";
  public static final String FAMILY = "chain-" + SITE + "-top-k-w64-k4";

  /** Texts that a page must show as text. */
  static final String[] HOSTILE = {
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "\"'`${window.hacked=1}`",
    "\u202eright to left\u200f",
    "\u0000\u0007\u001b[31m",
    "line\nbreak\ttab  two spaces",
    "\u2028\u2029\ufeff",
    "&lt;already&amp;escaped&gt;",
    "{{constructor.constructor('window.hacked=1')()}}",
    "javascript:window.hacked=1"
  };

  private static final String[] WORDS = {
    " the",
    " of",
    " and",
    " she",
    " went",
    " king",
    "dom",
    " 19",
    "84",
    ".",
    ",",
    "\n",
    " cat",
    " sat",
    " on",
    " mat",
    " not",
    " under",
    "stand",
    " of",
    " London",
    " because",
    " which",
    "ing"
  };

  private record Settings(String made) {}

  /** Tracks of each series of {@link #made}. */
  public static final int TRACKS = 200;

  /** A report that tests look at and leave as it is. */
  public record Made(ReportFixture fixture, Path report, Job.Result result) {}

  private static Made made;

  /** The same report for all tests of this process: it is written once. */
  public static synchronized Made made(SparkSession spark) throws IOException {
    if (made == null) {
      Path root = Files.createTempDirectory("ontogeny-report-");
      Runtime.getRuntime()
          .addShutdownHook(new Thread(() -> FileUtils.deleteQuietly(root.toFile())));
      ReportFixture fixture = new ReportFixture(root.resolve("in"), TRACKS).write();
      Path report = root.resolve("report");
      made = new Made(fixture, report, new Report().run(spark, fixture.reportSettings(report)));
    }
    return made;
  }

  /** What happens to a track, as indices of checkpoints; -1 for never. */
  public record Planned(
      int birth, int emergence, int direction, int peak, int death, String kind) {}

  /** The plan of a track: track 5 is born at the seventh checkpoint, and so on. */
  public Planned planned(int track) {
    int last = CHECKPOINTS.size() - 1;
    if (track % 17 == 16) {
      return new Planned(-1, -1, -1, -1, -1, "inactive");
    }
    switch (track % 5) {
      case 0:
        return new Planned(6, 7, 8, last, -1, "late-emerging");
      case 1:
        return new Planned(0, 0, 4, last - track % 3, -1, "persistent");
      case 2:
        return new Planned(4, 5, 5, 6, 8, "transitional");
      case 3:
        return new Planned(0, 0, 0, 1 + track % 2, 5, "early-decaying");
      default:
        int birth = 3 + track % 6;
        return new Planned(birth, birth, Math.min(last, birth + 1), last - 1, -1, "mixed");
    }
  }

  public double strength(int track, int at) {
    Planned plan = planned(track);
    if (plan.birth() < 0) {
      return 0;
    }
    double rise = 1 / (1 + Math.exp(-2.0 * (at - plan.emergence() + 0.5)));
    double fall = plan.death() < 0 ? 1 : 1 / (1 + Math.exp(2.0 * (at - plan.death() - 0.5)));
    return (1 + track % 7) * rise * fall;
  }

  /** Confidence of a track; null for every seventh. */
  public Double confidence(int track) {
    return track % 7 == 6 ? null : ((track * 37) % 101) / 100.0;
  }

  public String token(int track) {
    return track == 3 ? HOSTILE[0] : WORDS[track % WORDS.length];
  }

  public static String series(int replica) {
    return FAMILY + "-r" + replica;
  }

  public static String dictionary(int replica, int at) {
    return series(replica) + "-c" + CHECKPOINTS.get(at);
  }

  public Path dataset() {
    return root.resolve("dataset");
  }

  public Path dictionaries() {
    return root.resolve("dictionaries");
  }

  public Path features() {
    return root.resolve("features");
  }

  public Path evolution() {
    return root.resolve("evolution");
  }

  /** A session for tests, small and quiet. */
  public static SparkSession spark() {
    return TestSpark.local(2).config("spark.sql.shuffle.partitions", "4").getOrCreate();
  }

  /** Settings of a report of these folders, with small files and groups. */
  public ReportSettings reportSettings(Path output) {
    return new ReportSettings(
        dataset().toString(),
        dictionaries().toString(),
        features().toString(),
        evolution().toString(),
        output.toString(),
        "How features form, move and die",
        0.5,
        new ReportSettings.Examples(10, 12, 4),
        400,
        16,
        64);
  }

  /** Publishes all four folders. */
  public ReportFixture write() throws IOException {
    Manifest dataset = writeDataset();
    Manifest dictionaries = writeDictionaries(List.of(dataset.asInput("dataset")));
    Manifest features =
        writeFeatures(List.of(dataset.asInput("dataset"), dictionaries.asInput("dictionaries")));
    writeEvolution(List.of(dictionaries.asInput("dictionaries"), features.asInput("features")));
    return this;
  }

  private Manifest writeDataset() throws IOException {
    return publish(
        dataset(),
        "dataset",
        List.of(),
        List.of(),
        Map.of(
            "rows",
            100_000,
            "shards",
            8,
            "held_out_shards",
            List.of(7),
            "sites",
            List.of(
                Map.of("site", SITE, "width", 128, "checkpoints", CHECKPOINTS, "dtype", "float16")),
            "dropped",
            Map.of("first-token", 412),
            "mixing",
            Map.of("neighbours_same_document", 0.004, "expected", 0.004)));
  }

  private Manifest writeDictionaries(List<Manifest.Input> inputs) throws IOException {
    Folder folder = Folder.of(dictionaries().toString());
    List<PublishedFile> files = new ArrayList<>();
    for (int replica = 0; replica < 2; replica++) {
      for (int at = 0; at < CHECKPOINTS.size(); at++) {
        String id = dictionary(replica, at);
        String json =
            """
            {"version": 1, "id": "%s", "type": "top-k", "target": "autoencoder", "width": %d, "k": 4,
             "sources": [{"site": "%s", "checkpoint": %d, "width": 128}], "seed": 0, "replica": %d,
             "family": "%s", "series": "%s", "series_index": %d, "training": {"tokens": 480000},
             "quality": {"fvu": 0.2, "l0": 4.0, "dead_share": 0.0, "rows": 100}}
            """
                .formatted(
                    id, tracks, SITE, CHECKPOINTS.get(at), replica, FAMILY, series(replica), at);
        files.add(
            folder
                .write(
                    id + "/dictionary.json",
                    null,
                    out -> out.write(json.getBytes(StandardCharsets.UTF_8)))
                .ofDictionary(id));
      }
    }
    files.add(
        table(
            dictionaries(),
            DictionaryTables.TRAINING_LOG,
            writer -> {
              for (int replica = 0; replica < 2; replica++) {
                for (int at = 0; at < CHECKPOINTS.size(); at++) {
                  for (long step = 0; step < 120; step++) {
                    double fvu = 0.15 + 0.02 * at + 0.6 * Math.exp(-step / 20.0);
                    writer.write(
                        dictionary(replica, at),
                        step,
                        step * 4096,
                        fvu * 128,
                        fvu,
                        4.0,
                        0.3 * Math.exp(-step / 40.0),
                        0.01,
                        1e-3,
                        52_000.0);
                  }
                }
              }
            }));
    return publish(dictionaries(), "dictionaries", inputs, files, Map.of("dictionaries", 22));
  }

  private Manifest writeFeatures(List<Manifest.Input> inputs) throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    files.add(
        table(
            features(),
            FeatureTables.DICTIONARIES,
            writer ->
                everyDictionary(
                    (replica, at) -> {
                      double fvu = 0.12 + 0.03 * Math.sqrt(at) + 0.01 * replica;
                      writer.write(
                          dictionary(replica, at),
                          SITE,
                          CHECKPOINTS.get(at),
                          "train",
                          87_500L,
                          fvu,
                          4.0,
                          0.02 + 0.01 * at,
                          0.95,
                          0.97);
                      writer.write(
                          dictionary(replica, at),
                          SITE,
                          CHECKPOINTS.get(at),
                          "held_out",
                          12_500L,
                          fvu + 0.02,
                          4.0,
                          0.03 + 0.012 * at,
                          0.94,
                          0.96);
                    })));
    if (sites) {
      files.add(
          table(
              features(),
              FeatureTables.GEOMETRY,
              writer -> {
                for (int at = 0; at < CHECKPOINTS.size(); at++) {
                  double rank = 12 + 3 * Math.sqrt(at);
                  long step = CHECKPOINTS.get(at);
                  writer.write(
                      SITE, step, "effective_rank", rank, rank - 0.5, rank + 0.5, 100_000L);
                  writer.write(
                      SITE,
                      step,
                      "participation_ratio",
                      rank / 2,
                      rank / 2 - 0.4,
                      rank / 2 + 0.4,
                      100_000L);
                  writer.write(SITE, step, "top_share", 3 / rank, null, null, 100_000L);
                  writer.write(SITE, step, "anisotropy", 0.1 + 0.02 * at, 0.05, 0.4, 99_990L);
                }
              }));
      files.add(
          table(
              features(),
              FeatureTables.LOSS_EFFECTS,
              writer -> {
                for (int at = 0; at < CHECKPOINTS.size(); at++) {
                  double effect = 0.25 * at;
                  long step = CHECKPOINTS.get(at);
                  writer.write(
                      SITE, step, null, null, effect, effect - 0.1, effect + 0.1, 0.5, 100_000L);
                  // Of one document no band can be told.
                  writer.write(
                      SITE, step, "label_topic", "sea", -effect, null, null, 0.75, 40_000L);
                  writer.write(SITE, step, "label_topic", HOSTILE[0], null, null, null, null, 0L);
                }
              }));
    }
    files.add(
        table(
            features(),
            FeatureTables.FEATURES,
            writer ->
                everyFeature(
                    (replica, at, track) -> {
                      double mean = strength(track, at);
                      double rate = rate(track, at);
                      writer.write(
                          dictionary(replica, at),
                          SITE,
                          CHECKPOINTS.get(at),
                          track,
                          Math.round(rate * 100_000),
                          rate,
                          mean,
                          mean * mean / 9,
                          3.1 * mean,
                          0.4 * mean,
                          0.9 * mean,
                          1.9 * mean,
                          2.7 * mean,
                          1.0,
                          1.3,
                          (track + 1) % tracks,
                          0.31);
                    })));
    files.add(
        table(
            features(),
            FeatureTables.HISTOGRAMS,
            writer ->
                everyFeature(
                    (replica, at, track) -> {
                      double[] lower = new double[16];
                      long[] count = new long[16];
                      for (int bin = 0; bin < 16; bin++) {
                        lower[bin] = Math.pow(2, bin / 2.0 - 5);
                        double distance = Math.log(lower[bin] / (strength(track, at) + 1e-3));
                        count[bin] =
                            Math.round(rate(track, at) * 30_000 * Math.exp(-distance * distance));
                      }
                      writer.write(
                          dictionary(replica, at), SITE, CHECKPOINTS.get(at), track, lower, count);
                    })));
    files.add(
        table(
            features(),
            FeatureTables.EXAMPLES.asCaptured(LONG, List.of()),
            writer ->
                everyFeature(
                    (replica, at, track) -> {
                      if (strength(track, at) < 0.05) {
                        return;
                      }
                      for (int rank = 1; rank <= examples; rank++) {
                        example(writer, replica, at, track, "top", rank);
                      }
                      for (int rank = 1; rank <= Math.min(4, examples); rank++) {
                        example(writer, replica, at, track, "quantile", rank);
                      }
                    })));
    files.add(
        table(
            features(),
            FeatureTables.LABELS,
            writer ->
                everyFeature(
                    (replica, at, track) -> {
                      String[] values = {"noun", "verb", "place", "digit", HOSTILE[1]};
                      double f1 = strength(track, at) / 8;
                      writer.write(
                          dictionary(replica, at),
                          SITE,
                          CHECKPOINTS.get(at),
                          track,
                          "label_part",
                          values[track % 5],
                          900L,
                          f1,
                          f1,
                          f1);
                      writer.write(
                          dictionary(replica, at),
                          SITE,
                          CHECKPOINTS.get(at),
                          track,
                          "label_part",
                          values[(track + 1) % 5],
                          700L,
                          f1 / 3,
                          f1 / 3,
                          f1 / 3);
                    })));
    return publish(features(), "features", inputs, files, Map.of("dictionaries", 22));
  }

  /** Share of tokens on which a track fires. */
  public double rate(int track, int at) {
    return 0.03 * strength(track, at) / (1 + track % 11);
  }

  private void example(TableWriter writer, int replica, int at, int track, String kind, int rank)
      throws IOException {
    RandomGenerator random = Seeds.generator(at, "example", track, kind, rank);
    String[] tokens = new String[21];
    float[] values = new float[21];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] =
          track == 3 && i < HOSTILE.length ? HOSTILE[i] : WORDS[random.nextInt(WORDS.length)];
    }
    double value = strength(track, at) * (kind.equals("top") ? 3.1 - 0.1 * rank : 1.5 / rank);
    tokens[10] = token(track);
    values[10] = (float) value;
    values[11] = (float) (value / 3);
    writer.write(
        dictionary(replica, at),
        SITE,
        CHECKPOINTS.get(at),
        track,
        kind,
        rank,
        100L * track + rank,
        10,
        tokens[10],
        value,
        0,
        tokens,
        values,
        1,
        rank);
  }

  private void writeEvolution(List<Manifest.Input> inputs) throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    int last = CHECKPOINTS.size() - 1;
    files.add(
        table(
            evolution(),
            EvolutionTables.TRAJECTORIES.without("relative_strength", "cosine_peak", "alive"),
            writer ->
                everyFeature(
                    (replica, at, track) -> {
                      double toFinal =
                          1
                              - 0.9
                                  * Math.exp(-0.5 * Math.max(0, at - 2 - track % 4))
                                  * (at < last ? 1 : 0);
                      writer.write(
                          series(replica),
                          track,
                          CHECKPOINTS.get(at),
                          dictionary(replica, at),
                          track,
                          rate(track, at),
                          strength(track, at),
                          1.0,
                          1.0,
                          at == 0 ? null : 0.3 + 0.65 * at / last,
                          1 - 0.08 * at,
                          toFinal,
                          at == 0 ? null : 0.2 + 0.06 * at);
                    })));
    files.add(
        table(
            evolution(),
            EvolutionTables.EVENTS.without("peak_strength", "peak_firing_rate"),
            writer -> {
              for (int replica = 0; replica < 2; replica++) {
                for (int track = 0; track < tracks; track++) {
                  Planned plan = planned(track);
                  writer.write(
                      series(replica),
                      track,
                      step(plan.birth()),
                      step(plan.emergence()),
                      step(plan.direction()),
                      step(plan.peak()),
                      step(plan.death()),
                      plan.kind(),
                      confidence(track));
                }
              }
            }));
    files.add(table(evolution(), EvolutionTables.LINEAGE, this::lineage));
    files.add(
        table(
            evolution(),
            EvolutionTables.FORMATION,
            writer ->
                everyFeature(
                    (replica, at, track) -> {
                      double value = strength(track, at) / 9;
                      // As evolve does, for leading tracks alone.
                      if (track < 1024) {
                        writer.write(
                            series(replica), track, CHECKPOINTS.get(at), "cosine", value, 0.1);
                        writer.write(
                            series(replica),
                            track,
                            CHECKPOINTS.get(at),
                            "jaccard",
                            value / 2,
                            0.02);
                      }
                    })));
    files.add(
        table(
            evolution(),
            EvolutionTables.READINGS,
            writer ->
                everyFeature(
                    (replica, at, track) -> {
                      for (int rank = 1; rank <= Math.min(6, examples) && track % 2 == 1; rank++) {
                        writer.write(
                            series(replica),
                            track,
                            CHECKPOINTS.get(at),
                            1,
                            rank,
                            strength(track, at) * (3.1 - 0.1 * rank));
                      }
                    })));
    files.add(
        table(
            evolution(),
            EvolutionTables.COUNTERPARTS,
            writer -> {
              for (int replica = 0; replica < 2; replica++) {
                for (int track = 0; track < tracks; track++) {
                  if (confidence(track & ~1) != null) {
                    writer.write(
                        series(replica),
                        track,
                        series(1 - replica),
                        track ^ 1,
                        confidence(track & ~1));
                  }
                }
              }
            }));
    files.add(
        table(
            evolution(),
            EvolutionTables.CURVES,
            writer ->
                everyDictionary(
                    (replica, at) -> {
                      double fvu = 0.12 + 0.03 * Math.sqrt(at) + 0.01 * replica;
                      writer.write(
                          series(replica), "fvu", CHECKPOINTS.get(at), fvu, fvu - 0.02, fvu + 0.02);
                      writer.write(
                          series(replica),
                          "reorganisation",
                          CHECKPOINTS.get(at),
                          at == 0 ? null : 1 - (0.3 + 0.65 * at / last),
                          null,
                          null);
                      writer.write(
                          series(replica),
                          "features_alive",
                          CHECKPOINTS.get(at),
                          0.5 + 0.04 * at,
                          0.48 + 0.04 * at,
                          0.52 + 0.04 * at);
                    })));
    files.add(
        table(
            evolution(),
            EvolutionTables.PHASES.without("method", "axis", "support"),
            writer -> {
              for (int replica = 0; replica < 2; replica++) {
                writer.write(series(replica), "reorganisation", 64L, 512L, 3.2, 0.97);
                writer.write(series(replica), "fvu", 1000L, 4000L, 1.1, 0.55);
              }
            }));
    publish(evolution(), "evolution", inputs, files, Map.of("series", 2));
  }

  private void lineage(TableWriter writer) throws IOException {
    for (int replica = 0; replica < 2; replica++) {
      for (int at = 1; at < CHECKPOINTS.size(); at++) {
        for (int track = 0; track < tracks; track++) {
          boolean before = strength(track, at - 1) > 0.5;
          boolean now = strength(track, at) > 0.5;
          Object[] row = {
            series(replica),
            CHECKPOINTS.get(at - 1),
            CHECKPOINTS.get(at),
            null,
            null,
            null,
            null,
            null,
            null
          };
          if (before) {
            row[3] = track;
          }
          if (now) {
            row[4] = track;
          }
          if (before && now) {
            row[5] = 0.8 + 0.01 * at;
            row[6] = 0.7;
            row[7] = "continues";
            row[8] = 0.99;
          } else if (now) {
            row[7] = "born";
          } else if (before) {
            row[7] = "dies";
          } else {
            continue;
          }
          writer.write(row);
          if (before && now && track % 13 == at) {
            writer.write(
                series(replica),
                CHECKPOINTS.get(at - 1),
                CHECKPOINTS.get(at),
                track,
                (track + 1) % tracks,
                0.66,
                0.5,
                track % 2 == 0 ? "splits" : "merges",
                0.8);
          }
        }
      }
    }
  }

  private static Long step(int index) {
    return index < 0 ? null : CHECKPOINTS.get(index);
  }

  private interface OfDictionary {
    void accept(int replica, int at) throws IOException;
  }

  private interface OfFeature {
    void accept(int replica, int at, int track) throws IOException;
  }

  private interface Content {
    void accept(TableWriter writer) throws IOException;
  }

  private static void everyDictionary(OfDictionary each) throws IOException {
    for (int replica = 0; replica < 2; replica++) {
      for (int at = 0; at < CHECKPOINTS.size(); at++) {
        each.accept(replica, at);
      }
    }
  }

  private void everyFeature(OfFeature each) throws IOException {
    everyDictionary(
        (replica, at) -> {
          for (int track = 0; track < tracks; track++) {
            each.accept(replica, at, track);
          }
        });
  }

  private static PublishedFile table(Path folder, TableSchema schema, Content content) {
    try (TableWriter writer =
        TableWriter.open(Folder.of(folder.toString()), schema.name() + ".parquet", schema)) {
      content.accept(writer);
      return writer.finish();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Manifest publish(
      Path folder,
      String kind,
      List<Manifest.Input> inputs,
      List<PublishedFile> files,
      Map<String, Object> summary) {
    Settings settings = new Settings("by a test, " + tracks + " tracks, " + examples + " examples");
    Folder target = Folder.of(folder.toString());
    return PublicationFixture.publish(target, kind, settings, inputs, files, summary);
  }
}
