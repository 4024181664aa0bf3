package dev.ontogeny.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ontogeny.data.Folder;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Archives as PyTorch itself writes them, put together by hand. */
class TorchFileTest {
  @TempDir private Path folder;

  /** A view of a storage: 2 × 3 numbers that stand column by column, from the second one on. */
  private static final String TURNED =
      "\u0080\u0002ccollections\nOrderedDict\nq\u0000)Rq\u0001X\u0001\u0000\u0000\u0000wq\u0002ctorch._utils\n_rebuild_tensor_v2\nq\u0003("
          + "(X\u0007\u0000\u0000\u0000storageq\u0004ctorch\nFloatStorage\nq\u0005X\u0001\u0000\u0000\u00000q\u0006X\u0003\u0000\u0000\u0000cpuq\u0007K\u0007tq\bQK\u0001K\u0002K\u0003\u0086q\tK\u0001K\u0002\u0086q\n\u0089h\u0000)Rq\u000btq\fRq\rs}q\u000eX\t\u0000\u0000\u0000_metadataq\u000fh\u0000)Rq\u0010sb.";

  private void archive(String pickle) throws IOException {
    ByteBuffer numbers = ByteBuffer.allocate(28).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 7; i++) {
      numbers.putFloat(i);
    }
    try (OutputStream out = Files.newOutputStream(folder.resolve("it.pt"));
        ZipOutputStream zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("archive/data.pkl"));
      zip.write(pickle.getBytes(StandardCharsets.ISO_8859_1));
      zip.putNextEntry(new ZipEntry("archive/data/0"));
      zip.write(numbers.array());
    }
  }

  private PeerTensors read() throws IOException {
    return TorchFile.read(Folder.of(folder.toString()), "it.pt");
  }

  @Test
  void aViewIsReadAsItIsSeen() throws IOException {
    archive(TURNED);
    assertThat(read().matrix("w", 2, 3).values()).containsExactly(1, 3, 5, 2, 4, 6);
  }

  @Test
  void whatReachesBeyondItsStorageIsRefused() throws IOException {
    archive(TURNED.replace("K\u0001K\u0002\u0086", "K\u0002K\u0002\u0086"));
    assertThatThrownBy(this::read)
        .isInstanceOf(Failure.class)
        .hasMessageContaining("reach to number 7 of the 7 that are stored");
  }

  @Test
  void nothingElseIsNamedLetAloneRun() throws IOException {
    archive("\u0080\u0002cposix\nsystem\nX\u0004\u0000\u0000\u0000true\u0085R.");
    assertThatThrownBy(this::read)
        .isInstanceOf(Failure.class)
        .hasMessageContaining("it has the name posix.system, and nothing in it is executed here");
    archive("\u0080\u0002]X\u0001\u0000\u0000\u0000aa.");
    assertThatThrownBy(this::read).hasMessageContaining("something else at the top");
    archive("\u0080\u0002}X\u0001\u0000\u0000\u0000aK\u0001s.");
    assertThatThrownBy(this::read).hasMessageContaining("an entry that is no tensor");
    archive("\u0080\u0002tR.");
    assertThatThrownBy(this::read).hasMessageContaining("parts do not fit together");
    archive(TURNED.replace("FloatStorage", "DoubleStorage"));
    assertThatThrownBy(this::read)
        .hasMessageContaining("a tensor is stored as DoubleStorage: F32, F16, BF16");
  }
}
