package dev.ontogeny.train;

import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat.Probe;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How good a dictionary is on rows that it never saw, and a probe batch out of them. */
public final class HeldOut {
  private static final int BATCH = 1024;

  /** Rows of a probe batch, at most. */
  private static final int PROBE_ROWS = 32;

  private HeldOut() {}

  /** Both. */
  public record Result(Quality quality, Probe probe) {}

  /** One pass over the shards. */
  public static Result evaluate(
      ShardedDataset dataset, List<Integer> shards, Dictionary dictionary, KernelProvider kernels)
      throws IOException {
    int inputs = dictionary.inputs();
    FloatMatrix rows = FloatMatrix.zeros(BATCH, inputs);
    FloatMatrix back = FloatMatrix.zeros(BATCH, inputs);
    SparseCodes codes = new SparseCodes(dictionary.width());
    boolean[] fired = new boolean[dictionary.width()];
    double[] sums = new double[inputs];
    // By column.
    double[] squares = new double[inputs];
    double[] error = new double[inputs];
    List<Integer> reconstructed = dictionary.reconstructed();
    int sources = reconstructed.size();
    float[][] bars = new float[sources][];
    for (int s = 0; s < sources; s++) {
      bars[s] = dictionary.sourceThreshold(reconstructed.get(s));
    }
    long active = 0;
    long[] activeBySource = new long[sources];
    long count = 0;
    Probe probe = null;
    float[] scale = dictionary.columnScale();
    try (EncodingKernel kernel = kernels.encoding(dictionary, BATCH)) {
      for (int shard : shards) {
        try (SourceRows vectors = new SourceRows(dataset, dictionary.sources(), shard)) {
          for (long left = dataset.rows(shard); left > 0; left -= BATCH) {
            int read = (int) Math.min(left, BATCH);
            vectors.read(rows, 0, read);
            FloatMatrix batch = rows.firstRows(read);
            kernel.encode(batch, codes);
            kernel.decode(codes, back);
            for (int i = 0; i < read * inputs; i++) {
              int column = i % inputs;
              double value = rows.values()[i];
              double centred = (value - dictionary.inputMean()[column]) * scale[column];
              double difference = (value - back.values()[i]) * scale[column];
              sums[column] += centred;
              squares[column] += centred * centred;
              error[column] += difference * difference;
            }
            for (int i = 0; i < codes.size(); i++) {
              int latent = codes.indices()[i];
              fired[latent] = true;
              for (int s = 0; s < sources; s++) {
                boolean counts = bars[s] == null || codes.values()[i] > bars[s][latent];
                activeBySource[s] += counts ? 1 : 0;
              }
            }
            active += codes.size();
            count += read;
            if (probe == null) {
              probe = probe(batch, codes, back);
            }
          }
        }
      }
    }
    double wholeError = 0;
    double wholeVariance = 0;
    List<Double> sourceFvu = new ArrayList<>();
    List<Double> sourceL0 = new ArrayList<>();
    int[] columns = dictionary.sourceColumns();
    for (int s = 0; s < sources; s++) {
      double ofSource = 0;
      double variance = 0;
      int end = columns[reconstructed.get(s) + 1];
      for (int column = columns[reconstructed.get(s)]; column < end; column++) {
        ofSource += error[column];
        variance += squares[column] - sums[column] * sums[column] / Math.max(1, count);
      }
      sourceFvu.add(ofSource / variance);
      sourceL0.add((double) activeBySource[s] / Math.max(1, count));
      wholeError += ofSource;
      wholeVariance += variance;
    }
    int alive = 0;
    for (boolean each : fired) {
      alive += each ? 1 : 0;
    }
    return new Result(
        new Quality(
            wholeError / wholeVariance,
            (double) active / Math.max(1, count),
            1 - (double) alive / dictionary.width(),
            count,
            sources == 1 ? List.of() : sourceFvu,
            sources == 1 ? List.of() : sourceL0),
        probe);
  }

  private static Probe probe(FloatMatrix batch, SparseCodes codes, FloatMatrix back) {
    int rows = Math.min(PROBE_ROWS, batch.rows());
    int inputs = batch.columns();
    FloatMatrix code = FloatMatrix.zeros(rows, codes.features());
    for (int row = 0; row < rows; row++) {
      for (int at = codes.starts()[row]; at < codes.starts()[row + 1]; at++) {
        code.values()[row * codes.features() + codes.indices()[at]] = codes.values()[at];
      }
    }
    return new Probe(
        new FloatMatrix(rows, inputs, Arrays.copyOf(batch.values(), rows * inputs)),
        code,
        new FloatMatrix(rows, inputs, Arrays.copyOf(back.values(), rows * inputs)));
  }
}
