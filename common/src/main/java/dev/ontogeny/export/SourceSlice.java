package dev.ontogeny.export;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.FurtherTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * One source of a crosscoder as a dictionary of its own: the source's rows of W_enc and columns of
 * W_dec, with the biases and thresholds of all. It is not the crosscoder seen from there, whose
 * code follows from all sources together: a slice reads one, and its codes are others.
 */
public final class SourceSlice {
  private SourceSlice() {}

  /**
   * The slice of a source. Where gates are by source, its threshold is the source's own.
   *
   * @param source its number
   */
  public static Dictionary of(Dictionary crosscoder, int source) {
    int[] columns = crosscoder.sourceColumns();
    int first = columns[source];
    int own = columns[source + 1] - first;
    int width = crosscoder.width();
    float[] bars = crosscoder.sourceThreshold(source);
    float[] threshold = bars == null ? crosscoder.threshold() : bars;
    DictionaryType type = bars == null ? crosscoder.type() : Rules.ABOVE_THRESHOLD;
    return new Dictionary(
        type,
        List.of(crosscoder.sources().get(source)),
        crosscoder.target(),
        crosscoder.k(),
        new FloatMatrix(
            own,
            width,
            Arrays.copyOfRange(
                crosscoder.encoder().values(), first * width, (first + own) * width)),
        crosscoder.encoderBias(),
        crosscoder.decoderOf(source),
        Arrays.copyOfRange(crosscoder.decoderBias(), first, first + own),
        Arrays.copyOfRange(crosscoder.inputMean(), first, first + own),
        new float[] {crosscoder.inputScale()[source]},
        threshold.length == 0 ? Map.of() : Map.of(FurtherTensor.THRESHOLD.name(), threshold));
  }

  /** How the slice of a source is described. */
  public static DictionaryMetadata of(DictionaryMetadata crosscoder, int source) {
    DictionaryType type =
        crosscoder.type().activation().bySource() ? Rules.ABOVE_THRESHOLD : crosscoder.type();
    return new DictionaryMetadata(
        crosscoder.version(),
        crosscoder.id(),
        crosscoder.family(),
        type,
        crosscoder.target(),
        crosscoder.width(),
        crosscoder.k(),
        List.of(crosscoder.sources().get(source)),
        crosscoder.seed(),
        crosscoder.replica(),
        crosscoder.series(),
        crosscoder.seriesIndex(),
        crosscoder.parent(),
        crosscoder.parentLink(),
        crosscoder.link(),
        type.rule(),
        crosscoder.training(),
        crosscoder.quality());
  }
}
