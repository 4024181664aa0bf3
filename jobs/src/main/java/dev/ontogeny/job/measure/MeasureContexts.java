package dev.ontogeny.job.measure;

import dev.ontogeny.data.RowIndex;
import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.spark.Batched;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction2;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Where the rows of neighbours are: token and code of each that is asked for. Questions and codes
 * come in the same order, by block of rows and dictionary, so both are walked through once. In
 * memory: the tokens of a block of rows and its codes with one dictionary.
 */
final class MeasureContexts
    implements FlatMapFunction2<
        Iterator<Tuple2<MeasureKey, byte[]>>, Iterator<BlockBytes>, MeasureMessage> {
  private static final long serialVersionUID = 1;

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;

  MeasureContexts(Broadcast<MeasureScan> scan, MeasureUnit unit) {
    this.scan = scan;
    this.unit = unit;
  }

  @Override
  public Iterator<MeasureMessage> call(
      Iterator<Tuple2<MeasureKey, byte[]>> questions, Iterator<BlockBytes> encoded) {
    MeasureScan known = scan.value();
    int[] partitions = unit.partitions(known.settings().featuresPerFile());
    return new Batched<>() {
      private BlockBytes.Whole at;
      private TokenBlock tokens;
      private int[] numbers;
      private CodesByFeature codes;

      @Override
      protected List<MeasureMessage> batch() {
        if (!questions.hasNext()) {
          return null;
        }
        Tuple2<MeasureKey, byte[]> next = questions.next();
        MeasureKey key = next._1();
        if (at == null || at.block() != key.major() || at.dictionary() != key.middle()) {
          codes = null;
          do {
            at = BlockBytes.next(encoded);
            if (at.dictionary() == BlockBytes.TOKENS) {
              tokens = at.tokens();
              numbers = known.numbers(tokens);
            }
          } while (at.block() != key.major() || at.dictionary() != key.middle());
          codes = CodesByFeature.read(new StatisticInput(at.bytes()));
        }
        return answer(
            known, key, new StatisticInput(next._2()), tokens, numbers, codes, partitions);
      }
    };
  }

  private static List<MeasureMessage> answer(
      MeasureScan known,
      MeasureKey key,
      StatisticInput in,
      TokenBlock tokens,
      int[] numbers,
      CodesByFeature codes,
      int[] partitions) {
    int examples = known.settings().examples();
    StatisticOutput out = new StatisticOutput();
    while (!in.exhausted()) {
      long hash = in.readLong();
      int slot = in.readCompactInt();
      int offset = in.readCompactInt();
      int row = RowIndex.find(tokens, known.order().shard(hash), hash);
      if (row >= 0) {
        out.writeCompact(slot);
        out.writeCompact(offset);
        out.writeCompact(MeasureLocation.token(tokens, numbers, row) + 1);
        out.writeFloat(codes.at(key.minor() * FeatureBlock.FEATURES + slot / examples, row));
      }
    }
    int features = known.settings().featuresPerFile() / FeatureBlock.FEATURES;
    return out.size() == 0
        ? List.of()
        : List.of(
            new MeasureMessage(
                false,
                MeasureKey.toFeatures(
                    partitions[key.middle()] + key.minor() / features,
                    key.minor(),
                    MeasureMessage.ANSWERS,
                    key.major()),
                out.toBytes()));
  }
}
