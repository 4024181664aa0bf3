package dev.ontogeny.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChunkTest {
  @Test
  void hostileTextsBecomePlainAscii() {
    String hostile =
        "</script><!-- ' \" \\ & \u0000\u0007\u007f \u202e\u2028\u2029\ufeff \ud800 \udc00x \ud83d\ude00";
    byte[] script = Chunk.script("tokens/'1'", hostile);
    String text = new String(script, StandardCharsets.US_ASCII);

    for (byte each : script) {
      assertThat(each == '\n' || (each >= 0x20 && each < 0x7f)).isTrue();
    }
    assertThat(text)
        .startsWith("ontogeny.chunk(\"tokens/\\u00271\\u0027\",")
        .endsWith(");\n")
        .contains("\\u003C/script\\u003E")
        .contains("\\u202E\\u2028\\u2029\\uFEFF", "\\uD800 ", "\\uDC00x", "\\uD83D\\uDE00")
        .doesNotContain("<", ">", "&");
  }

  @Test
  void textsReadBackAsTheyWere() throws Exception {
    for (String text :
        List.of("", " king\n", "日本語", "a\tb", "\u0000", "\u202e\ud83d\ude00", "\\\"'")) {
      assertThat(new ObjectMapper().readValue(Chunk.json(text), String.class)).isEqualTo(text);
    }
  }

  @Test
  void numbersReadBackAsTheyWere() throws Exception {
    double[] values = {0.1, 1e-300, 1 / 3.0, 123456.789, -2.5e17, Double.MIN_VALUE};
    String json = Chunk.json(values);
    assertThat(new ObjectMapper().readValue(json, double[].class)).containsExactly(values);
    assertThat(Chunk.json(List.of(3.0, 0f, 2.5f, 7L, 1e15)))
        .isEqualTo("[3,0,2.5,7,1000000000000000]");
    assertThat(Chunk.json(Arrays.asList(Double.NaN, Double.POSITIVE_INFINITY, Float.NaN, null)))
        .isEqualTo("[null,null,null,null]");
  }

  @Test
  void structuresKeepTheirOrder() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("z", new long[] {2, 1});
    map.put("a", PageTable.of("x", "y").add(1, "two").add(null, true));
    map.put("ready", new Chunk.Verbatim("[1,2]"));
    assertThat(Chunk.json(map))
        .isEqualTo(
            "{\"z\":[2,1],\"a\":{\"columns\":[\"x\",\"y\"],\"rows\":[[1,\"two\"],[null,true]]},"
                + "\"ready\":[1,2]}");
  }

  @Test
  void whatHasNoJsonIsRefused() {
    assertThatThrownBy(() -> Chunk.json(new byte[1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no JSON for a [B");
    assertThatThrownBy(() -> PageTable.of("x").add(1, 2))
        .hasMessage("a row of [x] cannot have 2 values");
  }
}
