package dev.ontogeny.export;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.Target;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Dictionaries of random numbers, and what their codes are by the rule in words. */
final class PeerFixture {
  static final String SITE = "blocks.3.hook_resid_post";
  static final String TARGET = "blocks.3.hook_mlp_out";
  static final int WIDTH = 11;
  static final int K = 3;

  private PeerFixture() {}

  /** Of one source of seven columns. */
  static Dictionary dictionary(String type, boolean centred) {
    return over(type, centred, new Source(SITE, 1000, 7));
  }

  /** Over some sources side by side. */
  static Dictionary over(String type, boolean centred, Source... sources) {
    return random(type, Target.AUTOENCODER, centred, List.of(sources));
  }

  /** From seven columns to another site. */
  static Dictionary transcoder(String type, boolean centred, int written) {
    return random(
        type,
        Target.TRANSCODER,
        centred,
        List.of(new Source(SITE, 1000, 7), new Source(TARGET, 1000, written)));
  }

  private static Dictionary random(
      String key, Target target, boolean centred, List<Source> sources) {
    DictionaryType type = DictionaryTypes.of(key);
    RandomGenerator random = Seeds.generator(7, key, sources.size());
    int inputs = sources.stream().mapToInt(Source::width).sum();
    int read = target.read(sources).stream().mapToInt(Source::width).sum();
    int written = target.reconstructed(sources).stream().mapToInt(Source::width).sum();
    FloatMatrix encoder = FloatMatrix.zeros(inputs, WIDTH);
    FloatMatrix decoder = FloatMatrix.zeros(WIDTH, inputs);
    float[] decoderBias = new float[inputs];
    for (int column = 0; column < inputs; column++) {
      boolean isWritten = column >= inputs - written;
      decoderBias[column] = isWritten ? (float) random.nextGaussian() : 0;
      for (int latent = 0; latent < WIDTH; latent++) {
        encoder.values()[column * WIDTH + latent] =
            column < read ? (float) random.nextGaussian() : 0;
        decoder.values()[latent * inputs + column] = isWritten ? (float) random.nextGaussian() : 0;
      }
    }
    float[] mean = new float[inputs];
    float[] scale = new float[sources.size()];
    Arrays.fill(scale, 1);
    if (centred) {
      fill(mean, () -> 5 * random.nextGaussian());
      fill(scale, () -> 0.1 + random.nextDouble());
    }
    float[] encoderBias = new float[WIDTH];
    fill(encoderBias, random::nextGaussian);
    float[] threshold = new float[WIDTH];
    // A batch decides on one for all latents.
    boolean shared = type.key().endsWith("batch-top-k");
    fill(threshold, () -> shared ? 0.7 : random.nextDouble());
    return new Dictionary(
        type,
        sources,
        target,
        shared || type.activation() == Activation.LARGEST_OF_ROW ? K : 0,
        encoder,
        encoderBias,
        decoder,
        decoderBias,
        mean,
        scale,
        type.activation().tensors().isEmpty()
            ? Map.of()
            : Map.of(FurtherTensor.THRESHOLD.name(), threshold));
  }

  private static void fill(float[] values, DoubleSupplier numbers) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) numbers.getAsDouble();
    }
  }

  /** What its description would say. */
  static DictionaryMetadata metadata(Dictionary dictionary) {
    return new DictionaryMetadata(
        DictionaryMetadata.VERSION,
        "some-r1-c1000",
        "some",
        dictionary.type(),
        dictionary.target(),
        dictionary.width(),
        dictionary.k(),
        dictionary.sources(),
        0,
        1,
        null,
        0,
        null,
        null,
        null,
        dictionary.type().rule(),
        new DictionaryMetadata.Training(0, Json.object()),
        new DictionaryMetadata.Quality(0.1, 3, 0, 1));
  }

  /** Where it is from. */
  static Origin origin(Dictionary dictionary) {
    return Origin.of(metadata(dictionary), "some-model");
  }

  /** Inputs as they are captured, [n, R]. */
  static double[][] inputs(Dictionary dictionary, int rows) {
    RandomGenerator random = Seeds.generator(9, "inputs");
    double[][] inputs = new double[rows][dictionary.readColumns()];
    float[] scale = dictionary.columnScale();
    for (double[] row : inputs) {
      Arrays.setAll(
          row, i -> (float) (dictionary.inputMean()[i] + random.nextGaussian() / scale[i]));
    }
    return inputs;
  }

  /**
   * A code by the rule.
   *
   * @param pre [F]
   */
  static double[] code(DictionaryType type, int k, float[] threshold, double[] pre) {
    return switch (type.activation()) {
      case POSITIVE -> Arrays.stream(pre).map(value -> Math.max(value, 0)).toArray();
      case LARGEST_OF_ROW -> {
        double[] code = new double[pre.length];
        IntStream.range(0, pre.length)
            .boxed()
            .sorted(Comparator.comparingDouble(latent -> -pre[latent]))
            .limit(k)
            .forEach(latent -> code[latent] = Math.max(pre[latent], 0));
        yield code;
      }
      default ->
          IntStream.range(0, pre.length)
              .mapToDouble(latent -> pre[latent] > threshold[latent] ? pre[latent] : 0)
              .toArray();
    };
  }

  /** A row's code by a dictionary of ours. */
  static double[] code(Dictionary dictionary, double[] row) {
    float[] scale = dictionary.columnScale();
    double[] pre = new double[dictionary.width()];
    for (int latent = 0; latent < pre.length; latent++) {
      pre[latent] = dictionary.encoderBias()[latent];
      for (int column = 0; column < row.length; column++) {
        double scaled = (row[column] - dictionary.inputMean()[column]) * scale[column];
        pre[latent] +=
            (scaled - dictionary.decoderBias()[column]) * dictionary.encoder().at(column, latent);
      }
    }
    return code(dictionary.type(), dictionary.k(), dictionary.threshold(), pre);
  }

  /** What that code reconstructs, in captured units. */
  static double[] reconstruction(Dictionary dictionary, double[] code) {
    float[] scale = dictionary.columnScale();
    int first = dictionary.inputs() - dictionary.reconstructedColumns();
    double[] row = new double[dictionary.reconstructedColumns()];
    for (int column = 0; column < row.length; column++) {
      int at = first + column;
      row[column] = dictionary.decoderBias()[at];
      for (int latent = 0; latent < code.length; latent++) {
        row[column] += code[latent] * dictionary.decoder().at(latent, at);
      }
      row[column] = row[column] / scale[at] + dictionary.inputMean()[at];
    }
    return row;
  }

  /** A row's code by a plain one. */
  static double[] code(PlainDictionary plain, double[] row) {
    double[] pre = new double[plain.width()];
    for (int latent = 0; latent < pre.length; latent++) {
      pre[latent] = plain.encoderBias()[latent];
      for (int column = 0; column < row.length; column++) {
        pre[latent] +=
            (row[column] - plain.inputBias()[column]) * plain.encoder().at(column, latent);
      }
    }
    return code(plain.type(), plain.k(), plain.threshold(), pre);
  }

  /** What that code reconstructs. */
  static double[] reconstruction(PlainDictionary plain, double[] code) {
    double[] row = new double[plain.written()];
    for (int column = 0; column < row.length; column++) {
      row[column] = plain.decoderBias()[column];
      for (int latent = 0; latent < code.length; latent++) {
        row[column] += code[latent] * plain.decoder().at(latent, column);
      }
    }
    return row;
  }
}
