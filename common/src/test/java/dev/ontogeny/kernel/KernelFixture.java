package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryType;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import java.util.List;
import java.util.random.RandomGenerator;

/** Small dictionaries and batches out of named seeds. */
final class KernelFixture {
  private KernelFixture() {}

  /** Random directions of unit norm, tied; biases, mean and scale that are not trivial. */
  static Dictionary dictionary(int inputs, int width, int k, long seed) {
    RandomGenerator random = Seeds.generator(seed, "fixture", inputs, width);
    float[] decoder = new float[width * inputs];
    float[] encoder = new float[width * inputs];
    for (int latent = 0; latent < width; latent++) {
      double squares = 0;
      double[] direction = new double[inputs];
      for (int i = 0; i < inputs; i++) {
        direction[i] = random.nextGaussian();
        squares += direction[i] * direction[i];
      }
      for (int i = 0; i < inputs; i++) {
        decoder[latent * inputs + i] = (float) (direction[i] / Math.sqrt(squares));
        encoder[i * width + latent] = decoder[latent * inputs + i];
      }
    }
    return new Dictionary(
        DictionaryType.TOP_K,
        List.of(new Source("blocks.0.hook_resid_post", 8, inputs)),
        k,
        new FloatMatrix(inputs, width, encoder),
        gaussians(random, width, 0.05),
        new FloatMatrix(width, inputs, decoder),
        gaussians(random, inputs, 0.1),
        gaussians(random, inputs, 1),
        new float[] {0.7f});
  }

  /** Rows that are sparse sums of the columns of a hidden dictionary, with noise. */
  static FloatMatrix batch(int rows, int inputs, long seed) {
    RandomGenerator random = Seeds.generator(seed, "batch", rows, inputs);
    RandomGenerator hidden = Seeds.generator(7, "hidden", inputs);
    int features = 2 * inputs;
    float[] directions = gaussians(hidden, features * inputs, 1 / Math.sqrt(inputs));
    FloatMatrix batch = FloatMatrix.zeros(rows, inputs);
    for (int row = 0; row < rows; row++) {
      for (int active = 0; active < 4; active++) {
        int feature = random.nextInt(features);
        double strength = 1 + random.nextDouble() * 2;
        for (int i = 0; i < inputs; i++) {
          batch.values()[row * inputs + i] +=
              (float) (strength * directions[feature * inputs + i] * Math.sqrt(inputs) / 2);
        }
      }
      for (int i = 0; i < inputs; i++) {
        batch.values()[row * inputs + i] += (float) (0.05 * random.nextGaussian());
      }
    }
    return batch;
  }

  static float[] gaussians(RandomGenerator random, int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }
}
