import java.io.FileInputStream;
import java.nio.file.Path;
import org.apache.arrow.dataset.file.DatasetFileWriter;
import org.apache.arrow.dataset.file.FileFormat;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowStreamReader;

/** {@code ToParquet STREAM FOLDER}: what an Arrow stream holds, as Arrow's Java library writes it. */
public final class ToParquet {
  public static void main(String[] arguments) throws Exception {
    // Not closed: the writer's own thread lets its last batch go only after the file is complete.
    RootAllocator allocator = new RootAllocator();
    try (ArrowStreamReader rows =
        new ArrowStreamReader(new FileInputStream(arguments[0]), allocator)) {
      DatasetFileWriter.write(
          allocator, rows, FileFormat.PARQUET, Path.of(arguments[1]).toUri().toString());
    }
  }
}
