package dev.ontogeny.kernel;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Problems;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.FurtherCode;
import dev.ontogeny.type.FurtherTensor;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.io.Serializable;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How a dictionary is trained. With x̃ the centred and scaled columns that it reconstructs (those
 * of its input, unless it is a transcoder), x̂ their reconstruction and r = x̃ − x̂, sums over the
 * rows of a batch:
 *
 * <ul>
 *   <li>loss = Σ‖r‖² / Σ‖x̃ − mean(x̃)‖² + what the type's {@link dev.ontogeny.type.Penalty} adds +
 *       auxiliaryCoefficient · min(1, dead / auxiliaryK) · auxiliary;
 *   <li>auxiliary = Σ‖r − r̂‖² / Σ‖r‖², r̂ = auxiliary code · W_dec without b_dec: the target holds
 *       no bias. The auxiliary code keeps the auxiliaryK largest positive pre-activations among the
 *       dead latents; r and its norm are constants to the gradient;
 *   <li>each step: gradients, for decoders of unit norm the component parallel to each decoder row
 *       removed, clipped by their global norm, Adam, decoder rows back to unit norm.
 * </ul>
 *
 * @param width F, number of latents
 * @param type settings of the type, and the parts that they come to; {@code sparsity} in what is
 *     published
 * @param auxiliaryK dead latents that reconstruct the residual of a row, 0 for none
 * @param auxiliaryCoefficient weight of the auxiliary loss
 * @param deadWindow a latent is dead when it has not fired for this many tokens
 * @param sourceWeights with several sources that are reconstructed, what each one's ‖r‖² and ‖x̃ −
 *     mean(x̃)‖² weigh, 1 in the mean; the auxiliary target is r times them; empty where all are
 *     alike
 */
public record TrainingSpecification(
    int width,
    @JsonProperty("sparsity") TypeSettings type,
    int auxiliaryK,
    double auxiliaryCoefficient,
    long deadWindow,
    Optimiser optimiser,
    List<Double> sourceWeights)
    implements Serializable {

  /** Sources all alike. */
  public TrainingSpecification(
      int width,
      TypeSettings type,
      int auxiliaryK,
      double auxiliaryCoefficient,
      long deadWindow,
      Optimiser optimiser) {
    this(width, type, auxiliaryK, auxiliaryCoefficient, deadWindow, optimiser, List.of());
  }

  /** The same with these weights. */
  public TrainingSpecification withSourceWeights(List<Double> weights) {
    return new TrainingSpecification(
        width, type, auxiliaryK, auxiliaryCoefficient, deadWindow, optimiser, weights);
  }

  /** The same with this window. */
  public TrainingSpecification withDeadWindow(long tokens) {
    return new TrainingSpecification(
        width, type, auxiliaryK, auxiliaryCoefficient, tokens, optimiser, sourceWeights);
  }

  public TrainingSpecification {
    sourceWeights = List.copyOf(sourceWeights);
    new Problems()
        .atLeast("width", width, 1)
        .check(
            largestChoice(type) <= width,
            "width",
            "must be at least as many latents as fire on a row, %d, got %d",
            largestChoice(type),
            width)
        .between("auxiliary-k", auxiliaryK, 0, width)
        .atLeast("auxiliary-coefficient", auxiliaryCoefficient, 0)
        .atLeast("dead-window", (double) deadWindow, 1)
        .alsoOf("", () -> type.reconstruction(width))
        .raise();
    if (!type.selection().gives(type.type().activation())) {
      throw new IllegalArgumentException(
          String.format(
              "type %s cannot select by %s and be published with the rule \"%s\"",
              type.type(), type.selection().words(), type.type().rule()));
    }
  }

  /**
   * TopK as the literature has it: AuxK of {@code inputs / 2} at 1/32, Adam(0.9, 0.999), clip 1.
   */
  public static TrainingSpecification standard(int width, int k, int inputs) {
    return new TrainingSpecification(
        width, TopK.of(k), Math.min(width, inputs / 2), 1.0 / 32, 1_000_000, Optimiser.standard());
  }

  private static int largestChoice(TypeSettings type) {
    return Math.max(type.selection().most(), type.furtherCode().map(FurtherCode::k).orElse(0));
  }

  /** Whether rows of W_dec keep unit norm: with several sources, norms are what is learnt. */
  public boolean unitDecoder(Dictionary dictionary) {
    return type.unitDecoder(dictionary.reconstructed().size());
  }

  /**
   * Random unit directions become the start of this kind of dictionary. Where no k bounds the code,
   * half of the latents fire at first, and their sum would be F/2d times the input: encoder and
   * decoder, or the encoder alone where the decoder keeps unit norm, are scaled so that it is not.
   */
  public Dictionary started(Dictionary random) {
    if (!type.targets().contains(random.target())) {
      throw new IllegalArgumentException(
          String.format("type %s cannot have %s", type.type(), random.target().words()));
    }
    int width = random.width();
    DictionaryType published = type.type(random.reconstructed().size());
    Map<String, float[]> further = new LinkedHashMap<>();
    for (FurtherTensor tensor : published.activation().tensors()) {
      float[] values = new float[length(tensor.shape(width, random.inputs()))];
      Arrays.fill(values, (float) type.selection().initial(tensor));
      further.put(tensor.name(), values);
    }
    double encoderScale = 1;
    double decoderScale = 1;
    if (type.selection().k() == 0) {
      // Directions of all sources are one, so there are only as many dimensions as the widest has.
      int dimensions = random.readSources().stream().mapToInt(Source::width).max().orElseThrow();
      double gain = Math.min(1, 2.0 * dimensions / width);
      encoderScale = unitDecoder(random) ? gain : Math.sqrt(gain);
      decoderScale = gain / encoderScale;
    }
    return new Dictionary(
        published,
        random.sources(),
        random.target(),
        type.selection().k(),
        scaled(random.encoder(), encoderScale),
        random.encoderBias(),
        scaled(random.decoder(), decoderScale),
        random.decoderBias(),
        random.inputMean(),
        random.inputScale(),
        further);
  }

  private static int length(int[] shape) {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }

  private static FloatMatrix scaled(FloatMatrix matrix, double factor) {
    float[] values = matrix.values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] *= (float) factor;
    }
    return new FloatMatrix(matrix.rows(), matrix.columns(), values);
  }

  /**
   * Latents of a row that have to be looked at beside the dense product, for plans: those that
   * fire; where no k says how many, half of all, as at the start.
   */
  public double activePerRow() {
    return type.selection().activePerRow(width) + type.furtherCode().map(FurtherCode::k).orElse(0);
  }

  /**
   * Floating-point operations that a row costs: one dense product, the rest on active latents.
   *
   * @param read columns that the encoder reads
   * @param reconstructed columns that the decoder writes
   */
  public double operationsPerRow(int read, int reconstructed) {
    // Decoding, gradient of the codes, gradients of both matrices.
    return 2.0 * read * width + 2.0 * (3.0 * reconstructed + read) * activePerRow();
  }
}
