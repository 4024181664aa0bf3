package dev.ontogeny.job;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.StatisticOutput;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * What the weights alone say of some features of a dictionary: norms, and the nearest other feature
 * by the decoder's cosine. In memory: the dictionary, and its decoder twice more.
 */
final class MeasureWeights
    implements PairFlatMapFunction<MeasureWeights.Range, MeasureKey, byte[]> {
  private static final long serialVersionUID = 1;

  /** The kind of these records: before what rows say. */
  static final int OF_WEIGHTS = 0;

  /** Features of a task. */
  private static final int FEATURES = 64 * FeatureBlock.FEATURES;

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;

  /** Features {@code from .. to} of a dictionary by its number. */
  record Range(int dictionary, int from, int to) implements Serializable {}

  MeasureWeights(Broadcast<MeasureScan> scan, MeasureUnit unit) {
    this.scan = scan;
    this.unit = unit;
  }

  /** The work of a unit, cut into tasks. */
  static List<Range> ranges(MeasureUnit unit) {
    List<Range> ranges = new ArrayList<>();
    for (int number = 0; number < unit.dictionaries().size(); number++) {
      MeasureUnit.Measured dictionary = unit.dictionaries().get(number);
      for (int from = 0; from < dictionary.width() && !dictionary.forOverlapsOnly(); ) {
        int to = Math.min(dictionary.width(), from + FEATURES);
        ranges.add(new Range(number, from, to));
        from = to;
      }
    }
    return ranges;
  }

  @Override
  public Iterator<Tuple2<MeasureKey, byte[]>> call(Range range) throws Exception {
    MeasureScan known = scan.value();
    int featuresPerFile = known.settings().featuresPerFile();
    int[] partitions = unit.partitions(featuresPerFile);
    Dictionary dictionary =
        DictionaryFolder.read(
            known.dictionaries(), unit.dictionaries().get(range.dictionary()).id());
    int[] nearest = new int[range.to() - range.from()];
    float[] cosine = new float[nearest.length];
    Kernels.provider(known.settings().kernel(), TaskContext.get().cpus())
        .nearest(dictionary.decoder(), range.from(), range.to(), nearest, cosine);
    double[] encoderSquares = new double[dictionary.width()];
    for (int row = 0; row < dictionary.inputs(); row++) {
      for (int f = 0; f < encoderSquares.length; f++) {
        double weight = dictionary.encoder().values()[row * encoderSquares.length + f];
        encoderSquares[f] += weight * weight;
      }
    }
    List<Tuple2<MeasureKey, byte[]>> result = new ArrayList<>();
    for (int first = range.from(); first < range.to(); first += FeatureBlock.FEATURES) {
      StatisticOutput out = new StatisticOutput();
      for (int f = first; f < Math.min(range.to(), first + FeatureBlock.FEATURES); f++) {
        double square = 0;
        for (int i = 0; i < dictionary.inputs(); i++) {
          double weight = dictionary.decoder().at(f, i);
          square += weight * weight;
        }
        out.writeDouble(Math.sqrt(square));
        out.writeDouble(Math.sqrt(encoderSquares[f]));
        out.writeCompact(nearest[f - range.from()] + 1);
        out.writeFloat(cosine[f - range.from()]);
      }
      result.add(
          new Tuple2<>(
              MeasureKey.toFeatures(
                  partitions[range.dictionary()] + first / featuresPerFile,
                  first / FeatureBlock.FEATURES,
                  OF_WEIGHTS,
                  0),
              out.toBytes()));
    }
    return result.iterator();
  }
}
