package dev.ontogeny.shipped;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Half;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.TableWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * Large captures in little time: float16 vectors as fixed-length bytes, cut from one pool of random
 * numbers; every checkpoint has a file of the same content.
 *
 * @param width numbers of a vector
 * @param checkpoints files
 */
record ShardCaptures(int width, int checkpoints) {
  private static final int POSITIONS = 512;
  private static final int POOL = 1 << 20;

  /** Tokens of a capture of about that size; of keys little is left by Parquet's dictionaries. */
  long tokens(long bytes) {
    return bytes / checkpoints / (2L * width + 1);
  }

  /** Writes site {@code a}, checkpoints 0, 1, … and tells the bytes of all files. */
  long write(Path capture, long bytes) throws IOException {
    return write(capture, bytes, 64 << 20);
  }

  /** The same in row groups of about so many bytes, which are what can be read by itself. */
  long write(Path capture, long bytes, int rowGroup) throws IOException {
    TableSchema schema =
        TableSchema.named("capture")
            .with(ColumnType.LONG, "document")
            .with(ColumnType.INT, "position")
            .withBytes(2 * width, "activation")
            .build();
    byte[] pool = new byte[2 * POOL];
    Random random = new Random(1);
    for (int i = 0; i < POOL; i++) {
      short half = Half.fromFloat((float) random.nextGaussian());
      pool[2 * i] = (byte) half;
      pool[2 * i + 1] = (byte) (half >> 8);
    }
    String first = "site=a/checkpoint=0/part-0.parquet";
    byte[] vector = new byte[2 * width];
    long written;
    try (TableWriter writer =
        TableWriter.open(Folder.of(capture.toString()), first, schema, rowGroup)) {
      for (long token = 0; token < tokens(bytes); token++) {
        System.arraycopy(pool, 2 * random.nextInt(POOL - width), vector, 0, vector.length);
        writer.write(token / POSITIONS, (int) (token % POSITIONS), vector);
      }
      written = writer.finish().bytes();
    }
    for (int checkpoint = 1; checkpoint < checkpoints; checkpoint++) {
      Path copy = capture.resolve("site=a/checkpoint=" + checkpoint + "/part-0.parquet");
      Files.createDirectories(copy.getParent());
      Files.copy(capture.resolve(first), copy);
    }
    return written * checkpoints;
  }
}
