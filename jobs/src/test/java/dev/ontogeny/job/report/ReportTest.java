package dev.ontogeny.job.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ontogeny.data.EvolutionTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublicationFixture;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.job.Job;
import dev.ontogeny.job.ReportFixture;
import dev.ontogeny.run.Failure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  private static final int TRACKS = ReportFixture.TRACKS;

  @TempDir static Path root;
  private static SparkSession spark;
  private static ReportFixture fixture;
  private static Path output;
  private static Job.Result published;

  @BeforeAll
  static void start() throws Exception {
    spark = ReportFixture.spark();
    ReportFixture.Made made = ReportFixture.made(spark);
    fixture = made.fixture();
    output = made.report();
    published = made.result();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @Test
  void publishesWhatTheTablesSay() throws Exception {
    assertThat(published.alreadyDone()).isFalse();
    assertThat(published.lines()).last().isEqualTo("open " + output + "/index.html");
    JsonNode report = chunk(output, "report");
    assertThat(report.path("series").findValuesAsText("name"))
        .containsExactly(ReportFixture.series(0), ReportFixture.series(1));
    assertThat(report.path("warnings").findValuesAsText("name"))
        .contains("few rows", "thresholds matter");

    // Every track of both series has its entry in the list, in order, with its planned events.
    List<String> columns = columns(report, "index");
    int track = 0;
    for (int group = 0; group <= (TRACKS - 1) / 64; group++) {
      for (JsonNode entry : chunk(output, "index/1/" + group)) {
        assertThat(entry.get(columns.indexOf("track")).asInt()).isEqualTo(track);
        ReportFixture.Planned plan = fixture.planned(track);
        assertThat(entry.get(columns.indexOf("class")).asText()).isEqualTo(plan.kind());
        JsonNode birth = entry.get(columns.indexOf("birth"));
        assertThat(birth.isNull()).isEqualTo(plan.birth() < 0);
        if (plan.birth() >= 0) {
          assertThat(birth.asLong()).isEqualTo(ReportFixture.CHECKPOINTS.get(plan.birth()));
        }
        track++;
      }
    }
    assertThat(track).isEqualTo(TRACKS);

    JsonNode five = chunk(output, "tracks/0/0").path("5");
    assertThat(five.path("trajectories")).hasSize(ReportFixture.CHECKPOINTS.size());
    assertThat(five.path("features")).hasSize(ReportFixture.CHECKPOINTS.size());
    // All examples at the peak, the few highest elsewhere, none where it is silent.
    assertThat(examples(report, five, 4000)).isEqualTo(10);
    assertThat(examples(report, five, 1000)).isEqualTo(4);
    assertThat(examples(report, five, 0)).isZero();
  }

  @Test
  void theSameSentencesAreReadAtEveryCheckpoint() throws Exception {
    JsonNode report = chunk(output, "report");
    List<String> columns = columns(report, "readings");
    // One that lives to the end, and one that is dead by then: its sentences are those of its peak.
    for (int track : new int[] {5, 7}) {
      JsonNode readings =
          chunk(output, "tracks/0/0").path(Integer.toString(track)).path("readings");
      assertThat(readings).hasSize(6);
      JsonNode strongest = readings.get(0);
      assertThat(strongest.get(columns.indexOf("document")).asLong()).isEqualTo(100 * track + 1);
      assertThat(strongest.get(columns.indexOf("checkpoint")).asLong())
          .isEqualTo(ReportFixture.CHECKPOINTS.get(fixture.planned(track).peak()));
      for (int at = 0; at < ReportFixture.CHECKPOINTS.size(); at++) {
        assertThat(strongest.get(columns.indexOf("checkpoints")).get(at).asLong())
            .isEqualTo(ReportFixture.CHECKPOINTS.get(at));
        assertThat(strongest.get(columns.indexOf("values")).get(at).asDouble())
            .isEqualTo(fixture.strength(track, at) * 3.0);
      }
    }
  }

  @Test
  void aTrackNamesItsCounterparts() throws Exception {
    List<String> columns = columns(chunk(output, "report"), "counterparts");
    JsonNode counterparts = chunk(output, "tracks/1/0").path("5").path("counterparts");
    assertThat(counterparts).hasSize(1);
    JsonNode only = counterparts.get(0);
    assertThat(only.get(columns.indexOf("other_series")).asText())
        .isEqualTo(ReportFixture.series(0));
    assertThat(only.get(columns.indexOf("other_track")).asInt()).isEqualTo(4);
    assertThat(only.get(columns.indexOf("cosine")).asDouble()).isEqualTo(fixture.confidence(4));
  }

  private static List<String> columns(JsonNode report, String table) {
    List<String> columns = new ArrayList<>();
    report.path("columns").path(table).forEach(column -> columns.add(column.asText()));
    return columns;
  }

  private static long examples(JsonNode report, JsonNode track, long checkpoint) {
    List<String> columns = columns(report, "examples");
    long count = 0;
    for (JsonNode row : track.path("examples")) {
      count += row.get(columns.indexOf("checkpoint")).asLong() == checkpoint ? 1 : 0;
    }
    return count;
  }

  @Test
  void countsTracksAliveAndBornAsPlanned() throws Exception {
    long[] alive = new long[ReportFixture.CHECKPOINTS.size()];
    for (int track = 0; track < TRACKS; track++) {
      ReportFixture.Planned plan = fixture.planned(track);
      for (int at = 0; at < alive.length && plan.birth() >= 0; at++) {
        alive[at] += at >= plan.birth() && (plan.death() < 0 || at < plan.death()) ? 1 : 0;
      }
    }
    long[] told = new long[alive.length];
    for (JsonNode row : chunk(output, "report").path("alive").path("rows")) {
      if (row.get(0).asInt() == 0) {
        for (int at = 0; at < alive.length; at++) {
          told[at] +=
              row.get(1).asLong() == ReportFixture.CHECKPOINTS.get(at) ? row.get(2).asLong() : 0;
        }
      }
    }
    assertThat(told).isEqualTo(alive);
  }

  private static Map<String, String> checksums(Manifest manifest) {
    return manifest.files().stream()
        .collect(Collectors.toMap(PublishedFile::path, PublishedFile::sha256));
  }

  @Test
  void theFirstPageIsSmallAndTheRestIsLoadedOnDemand() throws Exception {
    assertThat(published.manifest().summary(Report.Summary.class).firstPageBytes())
        .isLessThan(5_000_000);
    String page = Files.readString(output.resolve("index.html"));
    assertThat(page).contains("data/report.js").doesNotContain("data/tracks", "data/index");
  }

  @Test
  void aSecondRunPublishesNothingNew() {
    Job.Result second = new Report().run(spark, fixture.reportSettings(output));

    assertThat(second.alreadyDone()).isTrue();
    assertThat(second.manifest().created()).isEqualTo(published.manifest().created());
    assertThat(checksums(second.manifest())).isEqualTo(checksums(published.manifest()));
  }

  @Test
  void aRunCutOffHalfWayWritesWhatIsMissingWithTheSameBytesHoweverTheWorkIsSplit()
      throws Exception {
    Path cutOff = root.resolve("cut-off");
    ReportSettings settings = fixture.reportSettings(cutOff);
    Folder folder = Folder.of(settings.output());
    Publication publication =
        Publication.open(folder, "report", settings, ReportInputs.open(settings).asInputs());
    // One group is done already, and a folder stands where a file of another has to go.
    PublishedFile kept = folder.write("data/tracks/0/0.js", null, out -> out.write('x'));
    publication.finished(new ReportTask.Group(0, 0).unit(), List.of(kept), Map.of());
    Path obstacle = Files.createDirectories(cutOff.resolve("data/tracks/1/5.js/in-the-way"));
    assertThatThrownBy(() -> new Report().run(spark, settings)).isNotNull();
    assertThat(cutOff.resolve(Manifest.FILE)).doesNotExist();

    Files.delete(obstacle);
    Files.delete(obstacle.getParent());
    spark.conf().set("spark.sql.shuffle.partitions", "7");
    Job.Result result = new Report().run(spark, settings);
    spark.conf().set("spark.sql.shuffle.partitions", "4");

    assertThat(result.alreadyDone()).isFalse();
    assertThat(result.manifest().identity()).isEqualTo(published.manifest().identity());
    // What was done is left as it is; all else is what a run in one go writes.
    Map<String, String> expected = checksums(published.manifest());
    expected.keySet().removeIf(path -> path.matches("data/(tracks/0/[0-3]|index/0/0)\\.js"));
    expected.put("data/tracks/0/0.js", kept.sha256());
    assertThat(checksums(result.manifest())).isEqualTo(expected);
  }

  @Test
  void hostileTokensAreAsciiInTheChunks() throws Exception {
    for (String name : List.of("tracks/0/0", "index/0/0")) {
      String script = Files.readString(output.resolve("data").resolve(name + ".js"));
      assertThat(script).matches("[\\x20-\\x7e]*\n").doesNotContain("<", ">", "&", "'");
    }
    assertThat(chunk(output, "tracks/0/0").path("3").toString())
        .contains("</script><script>window.hacked=1</script>");
  }

  @Test
  void refusesFoldersThatWereNotMadeFromEachOther() throws Exception {
    ReportFixture other = new ReportFixture(root.resolve("other"), 20).write();
    ReportSettings mine = fixture.reportSettings(root.resolve("mixed"));
    ReportSettings mixed =
        new ReportSettings(
            mine.dataset(),
            mine.dictionaries(),
            mine.features(),
            other.evolution().toString(),
            mine.output(),
            mine.title(),
            mine.confident(),
            mine.examples(),
            mine.lineageRows(),
            mine.tracksPerFile(),
            mine.tracksPerGroup());

    assertThatThrownBy(() -> new Report().run(spark, mixed))
        .hasMessageContaining(
            "evolution " + other.evolution() + " was made from other dictionaries")
        .hasMessageContaining(fixture.dictionaries().toString());
  }

  @Test
  void thePagesTellWhatTablesHold() throws Exception {
    JsonNode tables = chunk(output, "report").path("tables");
    assertThat(tables.fieldNames())
        .toIterable()
        .contains("dictionaries/training_log", "features/features", "evolution/events");
    assertThat(tables.path("evolution/events").path("description").asText())
        .isEqualTo("When what happened to each track.");
    assertThat(tables.path("evolution/events").path("columns").findValuesAsText("name"))
        .contains("birth", "confidence");
  }

  /** An evolution whose events are another table, and a report of it. */
  private static Path reportOf(ReportFixture lacking, TableSchema events) throws Exception {
    Folder folder = Folder.of(lacking.evolution().toString());
    Manifest manifest = Manifest.read(folder);
    List<PublishedFile> files = new ArrayList<>(manifest.files());
    List<PublishedFile> there = manifest.table("events").toList();
    files.removeAll(there);
    if (events != null) {
      try (TableReader reader =
              TableReader.open(
                  folder,
                  EvolutionTables.EVENTS,
                  there.get(0).path(),
                  events.names().toArray(String[]::new));
          TableWriter writer = TableWriter.open(folder, "lacking.parquet", events)) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          writer.write(row);
        }
        files.add(writer.finish());
      }
    }
    folder.delete(Manifest.FILE);
    PublicationFixture.publish(
        folder,
        "evolution",
        new Lacking(lacking.root().toString()),
        manifest.inputs(),
        files,
        Map.of());
    Path report = lacking.root().resolve("report");
    new Report().run(spark, lacking.reportSettings(report));
    return report;
  }

  /** Decides the identity of the folder. */
  private record Lacking(String what) {}

  @Test
  void aColumnThatATableMayLackIsShownAsNone() throws Exception {
    ReportFixture lacking =
        new ReportFixture(root.resolve("without-confidence"), 20).withoutSites().write();
    Path report =
        reportOf(
            lacking,
            EvolutionTables.EVENTS.without("confidence", "peak_strength", "peak_firing_rate"));
    int confidence = columns(chunk(report, "report"), "index").indexOf("confidence");
    assertThat(confidence).isNotNegative();
    assertThat(chunk(report, "index/0/0"))
        .hasSize(20)
        .allSatisfy(entry -> assertThat(entry.get(confidence).isNull()).isTrue());
    assertThat(chunk(report, "report").path("warnings").findValuesAsText("name"))
        .contains("one replica");
    // A page goes with its table.
    assertThat(report.resolve("data/geometry.js")).doesNotExist();
    assertThat(chunk(report, "report").path("lacking").path("geometry").get(0).asText())
        .isEqualTo("features/geometry");
    assertThat(chunk(output, "report").path("lacking")).isEmpty();
    assertThat(chunk(output, "geometry").path("features/geometry").path("rows"))
        .hasSize(4 * ReportFixture.CHECKPOINTS.size());
  }

  @Test
  void aColumnOrTableThatHasToBeThereIsNamed() throws Exception {
    ReportFixture column = new ReportFixture(root.resolve("without-class"), 20).write();
    assertThatThrownBy(
            () ->
                reportOf(
                    column,
                    EvolutionTables.EVENTS.without("class", "peak_strength", "peak_firing_rate")))
        .isInstanceOf(Failure.class)
        .hasMessage(
            "table events of %s has no column class; it has series, track, birth, emergence, direction_birth, peak, death, confidence",
            column.evolution());
    ReportFixture table = new ReportFixture(root.resolve("without-events"), 20).write();
    assertThatThrownBy(() -> reportOf(table, null))
        .isInstanceOf(Failure.class)
        .hasMessage("evolution %s has no table events", table.evolution());
  }

  @Test
  void plansWithoutWriting() {
    Path untouched = root.resolve("planned");
    Job.Plan plan = new Report().plan(spark, fixture.reportSettings(untouched));

    assertThat(plan.lines()).containsEntry("tracks", Integer.toString(2 * TRACKS));
    assertThat(plan.lines()).containsKeys("rows", "bytes", "tasks", "FLOPs", "memory per task");
    assertThat(untouched).doesNotExist();
  }

  private static JsonNode chunk(Path output, String name) throws Exception {
    String script = Files.readString(output.resolve("data").resolve(name + ".js"));
    String start = "ontogeny.chunk(\"" + name + "\",";
    assertThat(script).startsWith(start).endsWith(");\n");
    return new ObjectMapper().readTree(script.substring(start.length(), script.length() - 3));
  }
}
