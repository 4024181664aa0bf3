package dev.ontogeny.job.benchmark;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.TopK;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The rows of a {@link Benchmark}, in memory.
 *
 * @param sources that share the columns evenly
 * @param training rows that are not held out
 */
record BenchmarkRows(FloatMatrix all, int sources, int training) {
  /** Rows whose norms give the scale. */
  private static final int SCALE_ROWS = 50_000;

  /**
   * Reads column {@code activation}.
   *
   * @param held last rows, held out
   */
  static BenchmarkRows read(File rows, int sources, int held) throws IOException {
    FloatMatrix all = read(rows);
    if (all.columns() % sources != 0) {
      throw Failure.data(
          "%s: rows of %d columns cannot be shared by %d sources", rows, all.columns(), sources);
    }
    return new BenchmarkRows(all, sources, all.rows() - held);
  }

  private static FloatMatrix read(File rows) throws IOException {
    Path file = rows.toPath().toAbsolutePath();
    Folder folder = Folder.of(String.valueOf(file.getParent()));
    List<float[]> read = new ArrayList<>();
    try (TableReader reader =
        TableReader.open(folder, String.valueOf(file.getFileName()), "activation")) {
      for (Object[] row = reader.next(); row != null; row = reader.next()) {
        if (!(row[0] instanceof float[] vector)
            || (!read.isEmpty() && vector.length != read.get(0).length)) {
          throw Failure.data(
              "%s: row %d of column activation is no list of %s floats",
              rows, read.size(), read.isEmpty() ? "any" : read.get(0).length);
        }
        read.add(vector);
      }
    }
    if (read.isEmpty()) {
      throw Failure.data("%s has no rows", rows);
    }
    int inputs = read.get(0).length;
    FloatMatrix all = FloatMatrix.zeros(read.size(), inputs);
    for (int row = 0; row < read.size(); row++) {
      System.arraycopy(read.set(row, null), 0, all.values(), row * inputs, inputs);
    }
    return all;
  }

  /** The rows of a step; they come again when they have all been seen. */
  FloatMatrix batch(long step, int batch) {
    return rows((int) (step % (training / batch)) * batch, batch);
  }

  /** Some rows, copied. */
  FloatMatrix rows(int from, int count) {
    int inputs = all.columns();
    return new FloatMatrix(
        count, inputs, Arrays.copyOfRange(all.values(), from * inputs, (from + count) * inputs));
  }

  /**
   * Random directions, the same at every source and of unit norm over all of them, encoder tied;
   * inputs centred by the mean and scaled, source by source, to a mean norm of √d.
   */
  Dictionary initial(int width, int k, long seed) {
    int inputs = all.columns();
    int each = inputs / sources;
    float[] means = means();
    List<Source> named = new ArrayList<>();
    float[] scales = new float[sources];
    for (int s = 0; s < sources; s++) {
      named.add(new Source("rows", s, each));
      scales[s] = scale(means, s * each, each);
    }
    RandomGenerator random = Seeds.generator(seed, "benchmark");
    float[] decoder = new float[Math.multiplyExact(width, inputs)];
    float[] encoder = new float[width * inputs];
    float[] direction = new float[each];
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      for (int i = 0; i < each; i++) {
        direction[i] = (float) random.nextGaussian();
        squares += sources * Math.pow(direction[i], 2);
      }
      for (int i = 0; i < inputs; i++) {
        decoder[latent * inputs + i] = (float) (direction[i % each] / Math.sqrt(squares));
        encoder[i * width + latent] = decoder[latent * inputs + i];
      }
    }
    return new Dictionary(
        TopK.TYPE,
        named,
        k,
        new FloatMatrix(inputs, width, encoder),
        new float[width],
        new FloatMatrix(width, inputs, decoder),
        new float[inputs],
        means,
        scales);
  }

  private float[] means() {
    int inputs = all.columns();
    double[] mean = new double[inputs];
    for (int i = 0; i < training * inputs; i++) {
      mean[i % inputs] += (double) all.values()[i] / training;
    }
    float[] means = new float[inputs];
    for (int i = 0; i < inputs; i++) {
      means[i] = (float) mean[i];
    }
    return means;
  }

  private float scale(float[] means, int first, int columns) {
    double norms = 0;
    int sample = Math.min(SCALE_ROWS, training);
    for (int row = 0; row < sample; row++) {
      double squares = 0;
      for (int i = first; i < first + columns; i++) {
        squares += Math.pow((double) all.at(row, i) - means[i], 2);
      }
      norms += Math.sqrt(squares) / sample;
    }
    return (float) (Math.sqrt(columns) / norms);
  }
}
