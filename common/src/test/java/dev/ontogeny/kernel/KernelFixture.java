package dev.ontogeny.kernel;

import com.typesafe.config.ConfigFactory;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.run.SettingsReader;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.DictionarySettings;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.PrefixTopK;
import dev.ontogeny.type.Relu;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeDefaults;
import dev.ontogeny.type.TypeSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/** Small dictionaries and batches out of named seeds. */
public final class KernelFixture {
  private KernelFixture() {}

  /** Random directions of unit norm, tied; biases, mean and scale that are not trivial. */
  public static Dictionary dictionary(int inputs, int width, int k, long seed) {
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
        TopK.TYPE,
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
  public static FloatMatrix batch(int rows, int inputs, long seed) {
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

  public static float[] gaussians(RandomGenerator random, int count, double scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }

  /** What changes from step to step where nothing does. */
  public static final StepSettings FULL = new StepSettings(1e-3f);

  /** One of every kind; k where there is one. */
  public static List<TypeSettings> sparsities(int k, int width) {
    List<TypeSettings> all = new ArrayList<>();
    all.add(TopK.of(k));
    all.add(new TopK(k, 0, Math.min(width, 4 * k), 0.125));
    all.add(new BatchTopK(k, 0, 0.9));
    for (JumpRelu.Paid penalty : JumpRelu.Paid.values()) {
      all.add(jump(penalty, JumpRelu.Gate.PER_SOURCE));
    }
    all.add(new Relu(0.8, Relu.Form.NORM_WEIGHTED, 0));
    all.add(new Relu(0.8, Relu.Form.UNIT_NORM, 200));
    all.add(new PrefixTopK(k));
    // Whatever else there is, with its defaults.
    for (DictionaryType type : DictionaryTypes.trainable()) {
      if (all.stream().noneMatch(each -> each.type().equals(type))) {
        TypeSettings settings = withDefaults(type, k, width);
        if (fits(settings, width)) {
          all.add(settings);
        }
      }
    }
    return all;
  }

  /** Of a type that is known by its registration alone. */
  public static TypeSettings withDefaults(DictionaryType type, int k, int width) {
    Map<String, Object> entry = new HashMap<>(Map.of("type", type.key(), "width", width));
    if (type.keys().contains("k")) {
      entry.put("k", k);
    }
    return SettingsReader.bind(DictionarySettings.class, ConfigFactory.parseMap(entry), "fixture")
        .with(
            SettingsReader.bind(TypeDefaults.class, ConfigFactory.empty(), "conf/jobs/train.conf"));
  }

  private static boolean fits(TypeSettings settings, int width) {
    try {
      return settings.reconstruction(width) != null;
    } catch (Problems.Found e) {
      return false;
    }
  }

  private static TypeSettings jump(JumpRelu.Paid penalty, JumpRelu.Gate gate) {
    return new JumpRelu(penalty, gate, 0.7, 3, 4, 0.05, 0.5, 0.3, 0.5);
  }

  /** Those that several sources can share: their decoder norms are free. */
  public static List<TypeSettings> crosscoders(int k) {
    return List.of(
        new BatchTopK(k, 0, 0.9),
        jump(JumpRelu.Paid.TANH_QUADRATIC, JumpRelu.Gate.SHARED),
        jump(JumpRelu.Paid.TANH_QUADRATIC, JumpRelu.Gate.PER_SOURCE),
        jump(JumpRelu.Paid.TANH, JumpRelu.Gate.PER_SOURCE),
        new Relu(0.8, Relu.Form.NORM_WEIGHTED, 0));
  }

  /** Every kind with the sources that it can have, with that k. */
  public static List<Kind> kinds(int k, int inputs, int width) {
    List<Kind> all = new ArrayList<>();
    sparsities(k, width).forEach(type -> all.add(new Kind(type, Sources.ONE)));
    crosscoders(k).forEach(type -> all.add(new Kind(type, Sources.TWO)));
    sparsities(k, width).forEach(type -> all.add(new Kind(type, Sources.TRANSCODER)));
    all.removeIf(kind -> !kind.sources.fit(kind.type, inputs));
    return all;
  }

  /** A type with the sources of its dictionary. */
  public record Kind(TypeSettings type, Sources sources) {}

  public static TrainingSpecification specification(
      TypeSettings type, int width, int auxiliaryK, double coefficient, long deadWindow) {
    return new TrainingSpecification(
        width, type, auxiliaryK, coefficient, deadWindow, new Optimiser(0.9, 0.999, 1e-8, 1, 0, 0));
  }

  /** What a dictionary reads and reconstructs. */
  public enum Sources {
    ONE,
    TWO,
    /** Two, of which the first is read and the second is reconstructed. */
    TRANSCODER;

    /** How many are reconstructed. */
    public int reconstructed() {
      return this == TWO ? 2 : 1;
    }

    /** Of those that are reconstructed in the loss. */
    public List<Double> weights() {
      return this == TWO ? List.of(0.4, 1.6) : List.of();
    }

    /** Whether these can be. */
    public boolean fit(TypeSettings type, int inputs) {
      return this == ONE
          || (inputs > 1 && (this == TWO || type.targets().contains(Target.TRANSCODER)));
    }
  }

  /** A dictionary of that kind; norms that are free and thresholds vary. */
  public static Dictionary dictionary(
      TypeSettings type, int inputs, int width, Sources sources, long seed) {
    Dictionary plain = dictionary(inputs, width, 1, seed);
    RandomGenerator random = Seeds.generator(seed, "kind", inputs, width);
    boolean unit = type.unitDecoder(sources.reconstructed());
    float[] decoder = plain.decoder().values().clone();
    for (int at = 0; at < decoder.length && !unit; at++) {
      decoder[at] *= (float) (0.5 + (at / inputs % 7) / 7.0);
    }
    DictionaryType published = type.type(sources.reconstructed());
    float[] threshold = new float[published.activation().tensors().isEmpty() ? 0 : width];
    for (int latent = 0; latent < threshold.length; latent++) {
      threshold[latent] = (float) (0.2 + 0.5 * random.nextDouble());
    }
    Source whole = plain.sources().get(0);
    int first = inputs / 2;
    if (sources == Sources.TRANSCODER) {
      Arrays.fill(plain.encoder().values(), first * width, inputs * width, 0);
      Arrays.fill(plain.decoderBias(), 0, first, 0);
      for (int latent = 0; latent < width; latent++) {
        Arrays.fill(decoder, latent * inputs, latent * inputs + first, 0);
        double squares = 0;
        for (int i = first; i < inputs; i++) {
          squares += Math.pow(decoder[latent * inputs + i], 2);
        }
        for (int i = first; i < inputs && unit; i++) {
          decoder[latent * inputs + i] /= (float) Math.sqrt(squares);
        }
      }
    }
    return new Dictionary(
        published,
        sources == Sources.ONE
            ? plain.sources()
            : List.of(
                new Source(whole.site(), 4, first), new Source(whole.site(), 8, inputs - first)),
        sources == Sources.TRANSCODER ? Target.TRANSCODER : Target.AUTOENCODER,
        type.selection().k(),
        plain.encoder(),
        plain.encoderBias(),
        new FloatMatrix(width, inputs, decoder),
        plain.decoderBias(),
        plain.inputMean(),
        sources == Sources.ONE ? plain.inputScale() : new float[] {0.7f, 0.4f},
        threshold.length == 0 ? Map.of() : Map.of(FurtherTensor.THRESHOLD.name(), threshold));
  }
}
