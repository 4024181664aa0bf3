package dev.ontogeny.data;

import dev.ontogeny.evolution.SparseAssignment;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.stats.Bootstrap;
import dev.ontogeny.stats.InteractionSpectrum;
import dev.ontogeny.stats.LogHistogram;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleSupplier;
import java.util.random.RandomGenerator;
import org.apache.commons.math3.distribution.PoissonDistribution;
import org.apache.datasketches.kll.KllFloatsSketch;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.column.impl.ColumnReadStoreImpl;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.parquet.schema.MessageType;
import org.bytedeco.javacpp.indexer.HalfIndexer;
import org.jgrapht.alg.interfaces.MatchingAlgorithm.Matching;
import org.jgrapht.alg.matching.MaximumWeightBipartiteMatching;
import org.jgrapht.graph.DefaultWeightedEdge;
import org.jgrapht.graph.SimpleWeightedGraph;
import org.jtransforms.fft.DoubleFFT_2D;

/**
 * What this project does by hand beside libraries that do the same: one line each, milliseconds and
 * what else differs. {@code .github/docs/decisions.md} has the outcome. On one core:
 *
 * <pre>mvn -q -pl common test-compile && mvn -q -pl common exec:exec -Dexec.executable=java \
 *   -Dexec.classpathScope=test \
 *   -Dexec.args="--add-modules jdk.incubator.vector -XX:ActiveProcessorCount=1 -Xmx4g -cp %classpath dev.ontogeny.data.LibraryBenchmark"
 * </pre>
 */
public final class LibraryBenchmark {
  private static final int TURNS = 5;

  /** Keeps results alive. */
  private static volatile double sink;

  private LibraryBenchmark() {}

  public static void main(String[] arguments) throws IOException {
    assignment();
    quantiles();
    poisson();
    halves();
    spectrum();
    rows();
    parquet();
  }

  /** Four thousand rows with eight candidates each. */
  private static void assignment() {
    int count = 4096;
    int each = 8;
    RandomGenerator random = Seeds.generator(1, "assignment");
    int[] starts = new int[count + 1];
    int[] candidate = new int[each * count];
    float[] weight = new float[each * count];
    SimpleWeightedGraph<Integer, DefaultWeightedEdge> graph =
        new SimpleWeightedGraph<>(DefaultWeightedEdge.class);
    Set<Integer> left = new HashSet<>();
    Set<Integer> right = new HashSet<>();
    for (int i = 0; i < count; i++) {
      left.add(i);
      right.add(count + i);
      graph.addVertex(i);
      graph.addVertex(count + i);
    }
    for (int i = 0; i < count; i++) {
      int[] columns = random.ints(0, count).distinct().limit(each).toArray();
      for (int k = 0; k < each; k++) {
        candidate[each * i + k] = columns[k];
        weight[each * i + k] = 0.6f + 0.4f * random.nextFloat();
        graph.setEdgeWeight(graph.addEdge(i, count + columns[k]), weight[each * i + k]);
      }
      starts[i + 1] = each * (i + 1);
    }
    double ours =
        median(
            () -> {
              int[] match = SparseAssignment.match(count, count, starts, candidate, weight);
              double total = 0;
              for (int i = 0; i < count; i++) {
                for (int c = starts[i]; c < starts[i + 1]; c++) {
                  total += candidate[c] == match[i] ? weight[c] : 0;
                }
              }
              return total;
            });
    double total = sink;
    double theirs =
        median(
            () -> {
              Matching<Integer, DefaultWeightedEdge> match =
                  new MaximumWeightBipartiteMatching<>(graph, left, right).getMatching();
              return match.getWeight();
            });
    tell("assignment of 4096 rows, JGraphT", ours, theirs, "totals %.6f and %.6f", total, sink);
  }

  /** Four million codes of one feature. */
  private static void quantiles() {
    float[] codes = new float[1 << 22];
    RandomGenerator random = Seeds.generator(1, "codes");
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (float) Math.exp(random.nextGaussian());
    }
    double ours =
        median(
            () -> {
              LogHistogram histogram = new LogHistogram(1);
              histogram.add(0, codes, 0, codes.length);
              return histogram.quantile(0, 0.9, Float.MAX_VALUE);
            });
    double quantile = sink;
    Set<Float> seen = new HashSet<>();
    double theirs =
        median(
            () -> {
              KllFloatsSketch sketch = KllFloatsSketch.newHeapInstance();
              for (float code : codes) {
                sketch.update(code);
              }
              seen.add(sketch.getQuantile(0.9));
              return sketch.getQuantile(0.9);
            });
    Arrays.sort(codes);
    tell(
        "quantiles of 4 million codes, DataSketches KLL",
        ours,
        theirs,
        "q90 %.4f, exactly %.4f; KLL over the same codes: %s",
        quantile,
        codes[(int) (0.9 * codes.length)],
        seen);
  }

  /** How often two thousand replicates draw two thousand documents. */
  private static void poisson() {
    int count = 2048;
    double ours =
        median(
            () -> {
              long sum = 0;
              for (int document = 0; document < count; document++) {
                long hash = Seeds.mix(1, document);
                for (int b = 0; b < count; b++) {
                  sum += Bootstrap.weight(hash, b);
                }
              }
              return sum;
            });
    double sum = sink;
    PoissonDistribution distribution = new PoissonDistribution(1);
    double theirs =
        median(
            () -> {
              long all = 0;
              for (int document = 0; document < count; document++) {
                long hash = Seeds.mix(1, document);
                for (int b = 0; b < count; b++) {
                  double uniform = (Seeds.mix(hash, b) >>> 11) * 0x1p-53;
                  all += distribution.inverseCumulativeProbability(uniform);
                }
              }
              return all;
            });
    tell("4 million Poisson weights, commons-math", ours, theirs, "sums %.0f, %.0f", sum, sink);
  }

  /** Every float whose last three bits are zero, into half precision. */
  private static void halves() {
    int step = 8;
    long differing = 0;
    for (long bits = 0; bits < 1L << 32; bits += step) {
      float value = Float.intBitsToFloat((int) bits);
      if (!Float.isNaN(value) && Half.fromFloat(value) != (short) HalfIndexer.fromFloat(value)) {
        differing++;
      }
    }
    double ours =
        median(
            () -> {
              long sum = 0;
              for (int bits = 0; bits < 1 << 26; bits++) {
                sum += Half.fromFloat(Float.intBitsToFloat(bits << 5));
              }
              return sum;
            });
    double theirs =
        median(
            () -> {
              long sum = 0;
              for (int bits = 0; bits < 1 << 26; bits++) {
                sum += (short) HalfIndexer.fromFloat(Float.intBitsToFloat(bits << 5));
              }
              return sum;
            });
    tell(
        "67 million halves, JavaCPP",
        ours,
        theirs,
        "%d of %d floats differ, such as %s",
        differing,
        (1L << 32) / step,
        // Halfway between two halves, of which the lower is even.
        Half.toFloat(Half.fromFloat(1 + 0x1p-11f))
            + " and "
            + Half.toFloat((short) HalfIndexer.fromFloat(1 + 0x1p-11f))
            + " for 1 + 2^-11");
  }

  /** The waves of 256 functions of pairs modulo 59. */
  private static void spectrum() {
    int modulus = 59;
    int columns = 256;
    FloatMatrix values =
        new FloatMatrix(modulus * modulus, columns, new float[modulus * modulus * columns]);
    RandomGenerator random = Seeds.generator(1, "functions");
    for (int i = 0; i < values.values().length; i++) {
      values.values()[i] = (float) random.nextGaussian();
    }
    double ours =
        median(() -> Arrays.stream(new InteractionSpectrum(values, modulus).shares()).sum());
    DoubleFFT_2D transform = new DoubleFFT_2D(modulus, modulus);
    double theirs =
        median(
            () -> {
              double power = 0;
              for (int j = 0; j < columns; j++) {
                double[] wave = new double[2 * modulus * modulus];
                for (int row = 0; row < modulus * modulus; row++) {
                  wave[row] = values.at(row, j);
                }
                transform.realForwardFull(wave);
                power += wave[2 * (modulus + 1)] * wave[2 * (modulus + 1)];
              }
              return power;
            });
    tell("waves of 256 functions modulo 59, JTransforms", ours, theirs, "");
  }

  /** A hundred thousand rows of a table on their way between tasks, there and back. */
  private static void rows() {
    int count = 100_000;
    Object[] row = {"chain-blocks.0-r0", 7, 1000L, 0.25, null, true, new float[] {1, 2, 3, 4}};
    double ours =
        median(
            () -> {
              long size = 0;
              for (int i = 0; i < count; i++) {
                byte[] bytes = RowBytes.of(1, 2, row);
                size += bytes.length + RowBytes.row(bytes).length - row.length;
              }
              return (double) size / count;
            });
    double bytes = sink;
    double theirs =
        median(
            () -> {
              long size = 0;
              for (int i = 0; i < count; i++) {
                ByteArrayOutputStream out = new ByteArrayOutputStream(256);
                try (ObjectOutputStream objects = new ObjectOutputStream(out)) {
                  objects.writeObject(row);
                  objects.flush();
                  Object[] back =
                      (Object[])
                          new ObjectInputStream(new ByteArrayInputStream(out.toByteArray()))
                              .readObject();
                  size += out.size() + back.length - row.length;
                } catch (IOException | ClassNotFoundException e) {
                  throw new IllegalStateException(e);
                }
              }
              return (double) size / count;
            });
    tell(
        "100,000 rows, Java's serialisation",
        ours,
        theirs,
        "%.0f and %.0f bytes a row",
        bytes,
        sink);
  }

  /** Sixteen thousand vectors of 512 floats in one row group. */
  private static void parquet() throws IOException {
    int rows = 1 << 14;
    int width = 512;
    Path folder = Files.createTempDirectory("library-benchmark-");
    Path file = folder.resolve("capture.parquet");
    RandomGenerator random = Seeds.generator(1, "vectors");
    CaptureFixture.write(
        file,
        "required int64 document; required int32 position; required binary site (STRING); required int64 checkpoint; "
            + "optional group activation (LIST) { repeated group list { optional float element; } }",
        Map.of(),
        rows,
        (group, row) -> {
          group.append("document", (long) row);
          group.append("position", 0);
          group.append("site", "a");
          group.append("checkpoint", 1L);
          float[] vector = new float[width];
          for (int i = 0; i < width; i++) {
            vector[i] = (float) random.nextGaussian();
          }
          CaptureFixture.append(group, "activation", CaptureFixture.Form.FLOAT_LIST, vector);
        });
    CaptureColumns columns = CaptureColumns.standard();
    CaptureFooter footer =
        CaptureFooter.read(
            CaptureFile.list(file.toString(), columns).get(0),
            columns,
            new CaptureFooter.BinaryNumbers(null, null));
    double ours = median(() -> byPages(footer, width));
    double sum = sink;
    double columnReader = median(() -> byColumnReader(file, width));
    tell(
        "16,384 vectors, Parquet's column reader",
        ours,
        columnReader,
        "sums %.4f, %.4f",
        sum,
        sink);
    double groups = median(() -> byGroups(file));
    tell("16,384 vectors, Parquet's example objects", ours, groups, "sum %.4f", sink);
    Files.delete(file);
    Files.deleteIfExists(folder.resolve(".capture.parquet.crc"));
    Files.delete(folder);
  }

  private static double byPages(CaptureFooter footer, int width) {
    CaptureReader.Split all =
        new CaptureReader.Split(0, 0, footer.rowGroups().size(), 0, footer.rows(), 0);
    byte[] bytes = new byte[4 * width];
    double sum = 0;
    try (CaptureReader reader =
        CaptureReader.open(footer, all, CaptureColumns.standard(), VectorType.FLOAT32, false)) {
      while (reader.next()) {
        reader.activation(bytes, 0, width);
        sum += CaptureFixture.floats(bytes, VectorType.FLOAT32)[0];
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sum;
  }

  private static double byColumnReader(Path file, int width) {
    double sum = 0;
    float[] vector = new float[width];
    try (ParquetFileReader reader =
        ParquetFileReader.open(
            HadoopInputFile.fromPath(
                new org.apache.hadoop.fs.Path(file.toUri()), new Configuration()))) {
      MessageType whole = reader.getFileMetaData().getSchema();
      MessageType schema = new MessageType(whole.getName(), whole.getType("activation"));
      reader.setRequestedSchema(schema);
      for (PageReadStore pages = reader.readNextRowGroup();
          pages != null;
          pages = reader.readNextRowGroup()) {
        ColumnReader column =
            new ColumnReadStoreImpl(
                    pages,
                    new GroupRecordConverter(schema).getRootConverter(),
                    schema,
                    reader.getFileMetaData().getCreatedBy())
                .getColumnReader(schema.getColumns().get(0));
        int at = 0;
        for (long left = width * pages.getRowCount(); left > 0; left--) {
          at = column.getCurrentRepetitionLevel() == 0 ? 0 : at;
          if (column.getCurrentDefinitionLevel() == 3) {
            vector[at++] = column.getFloat();
          }
          column.consume();
          sum += at == width ? vector[0] : 0;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sum;
  }

  private static double byGroups(Path file) {
    double sum = 0;
    try {
      for (float[] vector : CaptureFixture.readSlowly(file, CaptureFixture.Form.FLOAT_LIST)) {
        sum += vector[0];
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sum;
  }

  private static double median(DoubleSupplier work) {
    double[] milliseconds = new double[TURNS];
    sink = work.getAsDouble();
    for (int turn = 0; turn < TURNS; turn++) {
      long start = System.nanoTime();
      sink = work.getAsDouble();
      milliseconds[turn] = (System.nanoTime() - start) / 1e6;
    }
    Arrays.sort(milliseconds);
    return milliseconds[TURNS / 2];
  }

  private static void tell(
      String what, double ours, double theirs, String more, Object... arguments) {
    System.out.printf(
        Locale.ROOT,
        "%s: %.1f ms, theirs %.1f ms, %.1f times%s%n",
        what,
        ours,
        theirs,
        theirs / ours,
        more.isEmpty() ? "" : "; " + String.format(Locale.ROOT, more, arguments));
  }
}
