package dev.ontogeny.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.data.Folder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.Util;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptureWriterTest {
  /** Parquet has them in an order that is another one in every JVM. */
  @Test
  void theEncodingsOfColumnsAreSorted(@TempDir Path folder) throws IOException {
    try (CaptureWriter writer =
        CaptureWriter.open(Folder.of(folder.toString()), "a", 7, 0, List.of("label_x"))) {
      writer.write(1, 0, 5, "t", List.of("y"), new float[] {1, 2});
    }
    byte[] file = Files.readAllBytes(folder.resolve("site=a/checkpoint=7/part-00000.parquet"));
    int length = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(file.length - 8);
    FileMetaData footer =
        Util.readFileMetaData(new ByteArrayInputStream(file, file.length - 8 - length, length));
    assertThat(footer.getRow_groups().get(0).getColumns())
        .hasSize(6)
        .allSatisfy(column -> assertThat(column.getMeta_data().getEncodings()).isSorted());
  }
}
