package dev.ontogeny.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrackFilesTest {
  private final Map<String, String> written = new LinkedHashMap<>();

  private final TrackFiles files =
      new TrackFiles(
          1,
          2,
          4,
          (path, bytes) -> written.put(path, new String(bytes, StandardCharsets.US_ASCII)));

  @Test
  void tracksThatBelongTogetherShareAFile() throws Exception {
    files.add(8, TrackFiles.INDEX, "[8,\"persistent\"]");
    files.add(8, "trajectories", "[0,0.5]");
    files.add(8, "trajectories", "[1,0.6]");
    files.add(11, TrackFiles.INDEX, "[11,\"mixed\"]");
    files.add(12, "trajectories", "[0,0.1]");
    files.finish();

    assertThat(written)
        .containsExactly(
            Map.entry(
                "data/tracks/1/2.js",
                "ontogeny.chunk(\"tracks/1/2\",{\"8\":{\"index\":[[8,\"persistent\"]],"
                    + "\"trajectories\":[[0,0.5],[1,0.6]]},\"11\":{\"index\":[[11,\"mixed\"]]}});\n"),
            Map.entry(
                "data/tracks/1/3.js",
                "ontogeny.chunk(\"tracks/1/3\",{\"12\":{\"trajectories\":[[0,0.1]]}});\n"),
            Map.entry(
                "data/index/1/2.js",
                "ontogeny.chunk(\"index/1/2\",[[8,\"persistent\"],[11,\"mixed\"]]);\n"));
  }

  @Test
  void tracksOutOfOrderAreAFault() throws Exception {
    files.add(8, "trajectories", "[]");
    assertThatThrownBy(() -> files.add(7, "trajectories", "[]"))
        .hasMessage("track 7 came after track 8");
  }
}
