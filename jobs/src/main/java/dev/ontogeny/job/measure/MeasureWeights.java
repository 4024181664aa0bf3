package dev.ontogeny.job.measure;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.FeatureStatistic;
import dev.ontogeny.stats.FeatureWeights;
import dev.ontogeny.stats.PresentDirections;
import dev.ontogeny.stats.StatisticOutput;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.PairFlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * What the weights alone say of some features of a dictionary at each of its places: norms, and the
 * nearest other feature by the decoder's cosine; with several sources, along which direction latent
 * scaling looks. In memory: the dictionary, and the decoder of a source twice more.
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
    List<FeatureStatistic.Place> places = unit.dictionaries().get(range.dictionary()).places();
    int[][] nearest = new int[places.size()][range.to() - range.from()];
    float[][] cosine = new float[places.size()][range.to() - range.from()];
    double[][] encoderNorms = new double[places.size()][];
    double[][] decoderNorms = new double[places.size()][];
    for (int p = 0; p < places.size(); p++) {
      int source = places.get(p).source();
      FloatMatrix decoder = dictionary.decoderOf(source);
      Gpus.provider(known.settings().kernel(), TaskContext.get().cpus())
          .nearest(decoder, range.from(), range.to(), nearest[p], cosine[p]);
      decoderNorms[p] = decoderNorms(decoder, range);
      encoderNorms[p] = encoderNorms(dictionary, dictionary.readFor(source));
    }
    PresentDirections directions =
        places.size() == 1 && dictionary.reconstructed().size() == 1
            ? null
            : new PresentDirections(dictionary, range.from(), range.to());
    List<Tuple2<MeasureKey, byte[]>> result = new ArrayList<>();
    for (int first = range.from(); first < range.to(); first += FeatureBlock.FEATURES) {
      StatisticOutput out = new StatisticOutput();
      for (int f = first; f < Math.min(range.to(), first + FeatureBlock.FEATURES); f++) {
        int i = f - range.from();
        for (int p = 0; p < places.size(); p++) {
          int source = places.get(p).source();
          new FeatureWeights(
                  decoderNorms[p][i],
                  encoderNorms[p][f],
                  nearest[p][i],
                  cosine[p][i],
                  directions == null ? source : directions.source(f, source),
                  directions == null ? 0 : directions.square(f, source))
              .write(out);
        }
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

  private static double[] decoderNorms(FloatMatrix decoder, Range range) {
    double[] norms = new double[range.to() - range.from()];
    for (int f = range.from(); f < range.to(); f++) {
      double square = 0;
      for (int i = 0; i < decoder.columns(); i++) {
        double weight = decoder.at(f, i);
        square += weight * weight;
      }
      norms[f - range.from()] = Math.sqrt(square);
    }
    return norms;
  }

  private static double[] encoderNorms(Dictionary dictionary, int source) {
    int[] columns = dictionary.sourceColumns();
    double[] squares = new double[dictionary.width()];
    for (int row = columns[source]; row < columns[source + 1]; row++) {
      for (int f = 0; f < squares.length; f++) {
        double weight = dictionary.encoder().values()[row * squares.length + f];
        squares[f] += weight * weight;
      }
    }
    return Arrays.stream(squares).map(Math::sqrt).toArray();
  }
}
