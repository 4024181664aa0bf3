package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.dictionary.Safetensors;
import dev.ontogeny.dictionary.Safetensors.Tensor;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorFileTest {
  @TempDir private Path directory;

  @Test
  void rowsAndColumnsAreThoseOfTheMatrix() throws IOException {
    Folder folder = written(40_000, 3);
    try (TensorFile file = TensorFile.open(folder, "a.safetensors")) {
      assertThat(file.rows("matrix", new int[] {39_999, 0, -1, 2, 1, 20_000, 0}).values())
          .containsExactly(
              119_997, 119_998, 119_999, 0, 1, 2, 0, 0, 0, 6, 7, 8, 3, 4, 5, 60_000, 60_001, 60_002,
              0, 1, 2);
      assertThat(file.rows("matrix", new int[0]).rows()).isZero();
      assertThat(file.columns("wide", 1, 2, 0, 2).values()).containsExactly(1, 5, 2, 6);
      assertThat(file.columns("matrix", 1, 2, 30_000, 2).values())
          .containsExactly(90_001, 90_004, 90_002, 90_005);
      assertThat(file.rows("matrix", new int[] {39_999, 0, -1, 2}, 1, 2).values())
          .containsExactly(119_998, 119_999, 1, 2, 0, 0, 7, 8);
    }
  }

  @Test
  void filesThatDoNotHoldTheMatrixAreNamed() throws IOException {
    Folder folder = written(4, 3);
    try (TensorFile file = TensorFile.open(folder, "a.safetensors")) {
      assertThatThrownBy(() -> file.rows("other", new int[] {0}))
          .isInstanceOf(Failure.class)
          .hasMessageContaining("a.safetensors needs a matrix other of type F32");
    }
    Path path = directory.resolve("a.safetensors");
    byte[] bytes = Files.readAllBytes(path);
    Files.write(path, java.util.Arrays.copyOf(bytes, bytes.length - 30));
    try (TensorFile file = TensorFile.open(Folder.of(directory.toString()), "a.safetensors")) {
      assertThatThrownBy(() -> file.rows("wide", new int[] {1}))
          .isInstanceOf(Failure.class)
          .hasMessageContaining("ends before its tensor wide does: it is cut off");
    }
    assertThatThrownBy(() -> TensorFile.open(folder, "none.safetensors"))
        .hasMessageContaining("none.safetensors is named by the manifest but does not exist");
  }

  private Folder written(int rows, int columns) throws IOException {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("bias", Tensor.vector(new float[] {9, 9}));
    tensors.put("matrix", Tensor.matrix(rows, columns, values));
    tensors.put("wide", Tensor.matrix(2, 4, new float[] {0, 1, 2, 3, 4, 5, 6, 7}));
    Folder folder = Folder.of(directory.toString());
    folder.write(
        "a.safetensors", null, out -> Safetensors.write(tensors, Map.of("format", "x"), out));
    return folder;
  }
}
