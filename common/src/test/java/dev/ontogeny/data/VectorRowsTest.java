package dev.ontogeny.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VectorRowsTest {
  @TempDir private Path directory;

  private void write(String name, VectorType type, int width, int rows, int group, int page)
      throws IOException {
    Random random = new Random(rows);
    int bytes = type.bytes() * width;
    try (VectorWriter writer =
        VectorWriter.open(
            Folder.of(directory.toString()),
            name,
            new VectorWriter.Layout(bytes, true, true, group, page))) {
      for (int row = 0; row < rows; row++) {
        float[] values = new float[2 * width];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian();
        }
        byte[] both = CaptureFixture.bytes(values, type);
        writer.write(both, 0, both, bytes, row % 3 == 0 ? Float.NaN : row);
      }
      writer.finish();
    }
  }

  private VectorRows open(String name, String column, VectorType type, int width)
      throws IOException {
    return VectorRows.open(Folder.of(directory.toString()), name, column, type, width);
  }

  /** Beside the reader of all rows; pages whose headers differ in length among them. */
  @ParameterizedTest
  @CsvSource({
    "FLOAT32, 13, 1, 100, 8",
    "FLOAT32, 13, 100, 100, 8",
    "FLOAT32, 13, 257, 100, 8",
    "FLOAT32, 13, 257, 100, 100",
    "FLOAT32, 13, 205, 100, 64",
    "FLOAT16, 7, 1000, 90, 65",
    "FLOAT16, 300, 1500, 1200, 70",
    "FLOAT32, 1, 30000, 20000, 9000"
  })
  void rowsAreThoseOfTheReader(VectorType type, int width, int rows, int group, int page)
      throws IOException {
    write("x.parquet", type, width, rows, group, page);
    FloatMatrix all = FloatMatrix.zeros(rows, width);
    Random random = new Random(5);
    for (String column : new String[] {"activation", "gradient"}) {
      try (VectorReader reader =
          VectorReader.open(Folder.of(directory.toString()), "x.parquet", column, type, width)) {
        assertThat(reader.read(all)).isEqualTo(rows);
      }
      for (double share : new double[] {0, 0.001, 0.05, 0.5, 1}) {
        long[] wanted =
            LongStream.range(0, rows).filter(row -> random.nextDouble() < share).toArray();
        FloatMatrix found = FloatMatrix.zeros(wanted.length + 2, width + 3);
        try (VectorRows reader = open("x.parquet", column, type, width)) {
          assertThat(reader.rows()).isEqualTo(rows);
          assertThat(reader.width()).isEqualTo(width);
          reader.read(wanted, found, 2, 3);
        }
        for (int i = 0; i < wanted.length; i++) {
          for (int j = 0; j < width; j++) {
            assertThat(found.at(i + 2, j + 3)).isEqualTo(all.at((int) wanted[i], j));
          }
        }
      }
    }
  }

  @Test
  void noRowsNeedNothingAndRowsThatAreNotThereAreRefused() throws IOException {
    write("x.parquet", VectorType.FLOAT32, 4, 10, 8, 3);
    write("empty.parquet", VectorType.FLOAT32, 4, 0, 8, 3);
    FloatMatrix into = FloatMatrix.zeros(2, 4);
    for (String name : new String[] {"x.parquet", "empty.parquet"}) {
      try (VectorRows reader = open(name, "activation", VectorType.FLOAT32, 4)) {
        reader.read(new long[0], into, 0, 0);
        for (long row : new long[] {-1, reader.rows()}) {
          assertThatThrownBy(() -> reader.read(new long[] {row}, into, 0, 0))
              .isInstanceOf(IndexOutOfBoundsException.class)
              .hasMessage(
                  "row %d of %d of %s",
                  row, reader.rows(), Folder.of(directory.toString()).resolve(name));
        }
      }
    }
    assertThat(into.values()).containsOnly(0);
  }

  @Test
  void otherFilesAreRefused() throws IOException {
    write("x.parquet", VectorType.FLOAT32, 4, 1000, 500, 100);
    assertThatThrownBy(() -> open("x.parquet", "residual", VectorType.FLOAT32, 4))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith("x.parquet has no column residual");
    assertThatThrownBy(() -> open("x.parquet", "activation", VectorType.FLOAT32, 5))
        .isInstanceOf(Failure.class)
        .hasMessageEndingWith("column activation has 16 bytes a row, 5×float32 needs 20");
    // A page's header that tells other sizes, and one that is none.
    byte[] bytes = Files.readAllBytes(directory.resolve("x.parquet"));
    for (int at : new int[] {4, 7}) {
      byte[] other = bytes.clone();
      other[at] ^= 0x5a;
      Files.write(directory.resolve("x.parquet"), other);
      try (VectorRows reader = open("x.parquet", "activation", VectorType.FLOAT32, 4)) {
        assertThatThrownBy(() -> reader.read(new long[] {3}, FloatMatrix.zeros(1, 4), 0, 0))
            .isInstanceOf(Failure.class)
            .hasMessageContaining("x.parquet cannot be read, it is not as it was published: ");
      }
    }
  }
}
