package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.matrix.FloatMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VectorWriterTest {
  private static final int WIDTH = 13;

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 8, 100, 257})
  void readsBackWhatWasWritten(int rows) throws IOException {
    Folder folder = Folder.of(directory.toString());
    Random random = new Random(rows);
    float[][] vectors = new float[rows][WIDTH];
    float[][] gradients = new float[rows][WIDTH];
    float[] losses = new float[rows];
    VectorWriter.Layout layout = new VectorWriter.Layout(4 * WIDTH, true, true, 100, 8);
    PublishedFile file;
    try (VectorWriter writer = VectorWriter.open(folder, "x.parquet", layout)) {
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < WIDTH; j++) {
          vectors[i][j] = (float) random.nextGaussian();
          gradients[i][j] = (float) random.nextGaussian();
        }
        // The second row group has every loss, the others have gaps.
        losses[i] = i / 100 != 1 && i % 3 == 0 ? Float.NaN : i;
        byte[] both = new byte[8 * WIDTH + 1];
        System.arraycopy(
            CaptureFixture.bytes(vectors[i], VectorType.FLOAT32), 0, both, 1, 4 * WIDTH);
        System.arraycopy(
            CaptureFixture.bytes(gradients[i], VectorType.FLOAT32),
            0,
            both,
            1 + 4 * WIDTH,
            4 * WIDTH);
        writer.write(both, 1, both, 1 + 4 * WIDTH, losses[i]);
      }
      file = writer.finish();
    }
    byte[] bytes = Files.readAllBytes(directory.resolve("x.parquet"));
    assertThat(file.bytes()).isEqualTo(bytes.length);
    assertThat(file.sha256()).isEqualTo(dev.ontogeny.run.Identity.sha256(bytes));
    assertThat(file.rows()).isEqualTo(rows);

    for (String column : List.of("activation", "gradient")) {
      float[][] expected = column.equals("activation") ? vectors : gradients;
      FloatMatrix matrix = FloatMatrix.zeros(rows + 1, WIDTH);
      try (VectorReader reader =
          VectorReader.open(folder, "x.parquet", column, VectorType.FLOAT32, WIDTH)) {
        assertThat(reader.rows()).isEqualTo(rows);
        assertThat(reader.read(matrix)).isEqualTo(rows);
      }
      for (int i = 0; i < rows; i++) {
        assertThat(Arrays.copyOfRange(matrix.values(), i * WIDTH, (i + 1) * WIDTH))
            .containsExactly(expected[i]);
      }
    }
    try (TableReader reader = TableReader.open(folder, "x.parquet", "loss")) {
      for (float loss : losses) {
        assertThat(reader.next()[0]).isEqualTo(Float.isNaN(loss) ? null : loss);
      }
      assertThat(reader.next()).isNull();
    }
  }

  @Test
  void layoutsAreCutByBytesAndHaveAtLeastOneRow() {
    assertThat(VectorWriter.Layout.of(256, false, false, 1 << 20, 1 << 16))
        .isEqualTo(new VectorWriter.Layout(256, false, false, 4096, 256));
    assertThat(VectorWriter.Layout.of(1 << 21, true, true, 1 << 20, 1 << 16))
        .isEqualTo(new VectorWriter.Layout(1 << 21, true, true, 1, 1));
  }
}
