package dev.ontogeny.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
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
  private static final int TRACKS = 150;

  @TempDir static Path root;
  private static SparkSession spark;
  private static ReportFixture fixture;
  private static Path output;
  private static Job.Result published;

  @BeforeAll
  static void start() throws Exception {
    spark = ReportFixture.spark();
    fixture = new ReportFixture(root.resolve("in"), TRACKS).write();
    output = root.resolve("report");
    published = new Report().run(spark, fixture.reportSettings(output));
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
          assertThat(birth.asLong()).isEqualTo(ReportFixture.CHECKPOINTS[plan.birth()]);
        }
        track++;
      }
    }
    assertThat(track).isEqualTo(TRACKS);

    JsonNode five = chunk(output, "tracks/0/0").path("5");
    assertThat(five.path("trajectories")).hasSize(ReportFixture.CHECKPOINTS.length);
    assertThat(five.path("features")).hasSize(ReportFixture.CHECKPOINTS.length);
    // All examples at the peak, the few highest elsewhere, none where it is silent.
    assertThat(examples(report, five, 4000)).isEqualTo(10);
    assertThat(examples(report, five, 1000)).isEqualTo(4);
    assertThat(examples(report, five, 0)).isZero();
  }

  @Test
  void theSameSentencesAreReadAtEveryCheckpoint() throws Exception {
    JsonNode report = chunk(output, "report");
    List<String> columns = columns(report, "readings");
    JsonNode readings = chunk(output, "tracks/0/0").path("5").path("readings");
    assertThat(readings).hasSize(4);
    JsonNode strongest = readings.get(0);
    assertThat(strongest.get(columns.indexOf("document")).asLong()).isEqualTo(501);
    for (int at = 0; at < ReportFixture.CHECKPOINTS.length; at++) {
      assertThat(strongest.get(columns.indexOf("checkpoints")).get(at).asLong())
          .isEqualTo(ReportFixture.CHECKPOINTS[at]);
      assertThat(strongest.get(columns.indexOf("values")).get(at).asDouble())
          .isEqualTo(fixture.strength(5, at) * 3.0);
    }
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
    long[] alive = new long[ReportFixture.CHECKPOINTS.length];
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
              row.get(1).asLong() == ReportFixture.CHECKPOINTS[at] ? row.get(2).asLong() : 0;
        }
      }
    }
    assertThat(told).isEqualTo(alive);
  }

  @Test
  void sameInputsGiveTheSameBytesHoweverTheWorkIsSplit() {
    spark.conf().set("spark.sql.shuffle.partitions", "7");
    Job.Result second = new Report().run(spark, fixture.reportSettings(root.resolve("twice")));
    spark.conf().set("spark.sql.shuffle.partitions", "4");

    assertThat(second.manifest().identity()).isEqualTo(published.manifest().identity());
    assertThat(checksums(second.manifest())).isEqualTo(checksums(published.manifest()));
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
    assertThat(second.manifest()).isEqualTo(published.manifest());
  }

  @Test
  void aRunCutOffHalfWayWritesOnlyWhatIsMissing() throws Exception {
    ReportSettings settings = fixture.reportSettings(root.resolve("resumed"));
    Folder folder = Folder.of(settings.output());
    Publication cutOff =
        Publication.open(folder, "report", settings, ReportInputs.open(spark, settings).asInputs());
    PublishedFile kept = folder.write("data/tracks/0/0.js", null, out -> out.write('x'));
    cutOff.finished(ReportTask.unit(0, 0), List.of(kept), Map.of());

    Job.Result result = new Report().run(spark, settings);

    assertThat(checksums(result.manifest())).containsEntry("data/tracks/0/0.js", kept.sha256());
    assertThat(result.manifest().files())
        .extracting(PublishedFile::path)
        .contains("data/index/0/1.js", "data/index/1/0.js")
        .doesNotContain("data/index/0/0.js");
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
  void plansWithoutWriting() {
    Path untouched = root.resolve("planned");
    Job.Plan plan = new Report().plan(spark, fixture.reportSettings(untouched));

    assertThat(plan.lines()).containsEntry("tracks", "300");
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
