package dev.ontogeny.job.measure;

import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.spark.Batched;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.api.java.function.FlatMapFunction2;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Where the rows of examples are: adds document, position and token to each, and asks for its
 * neighbours in the document. The block of rows of a neighbour follows from its hash. In memory:
 * the tokens of a block of rows; examples pass through.
 */
final class MeasureLocation
    implements FlatMapFunction2<
        Iterator<Tuple2<MeasureKey, byte[]>>, Iterator<BlockBytes>, MeasureMessage> {
  private static final long serialVersionUID = 1;

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;

  MeasureLocation(Broadcast<MeasureScan> scan, MeasureUnit unit) {
    this.scan = scan;
    this.unit = unit;
  }

  @Override
  public Iterator<MeasureMessage> call(
      Iterator<Tuple2<MeasureKey, byte[]>> examples, Iterator<BlockBytes> blocks) {
    MeasureScan known = scan.value();
    int[] partitions = unit.partitions(known.settings().featuresPerFile());
    return new Batched<>() {
      private TokenBlock tokens;
      private int[] numbers;

      @Override
      protected List<MeasureMessage> batch() {
        if (!examples.hasNext()) {
          return null;
        }
        Tuple2<MeasureKey, byte[]> next = examples.next();
        while (tokens == null || tokens.block().index() != next._1().major()) {
          tokens = BlockBytes.next(blocks).tokens();
          numbers = known.numbers(tokens);
        }
        return locate(known, next._1(), new StatisticInput(next._2()), tokens, numbers, partitions);
      }
    };
  }

  private static List<MeasureMessage> locate(
      MeasureScan known,
      MeasureKey key,
      StatisticInput in,
      TokenBlock tokens,
      int[] numbers,
      int[] partitions) {
    MeasureSettings.ContextWindow window = known.settings().contextWindow();
    StatisticOutput heads = new StatisticOutput();
    Map<Integer, StatisticOutput> questions = new TreeMap<>();
    while (!in.exhausted()) {
      int slot = in.readCompactInt();
      float value = in.readFloat();
      int row = in.readCompactInt();
      heads.writeCompact(slot);
      heads.writeFloat(value);
      heads.writeLong(tokens.addresses()[row]);
      if (tokens.document(row) instanceof String text) {
        heads.writeText(text);
      } else {
        heads.writeLong((Long) tokens.document(row));
      }
      heads.writeCompact(tokens.position(row));
      heads.writeCompact(token(tokens, numbers, row) + 1);
      for (int i = 0; i < window.size(); i++) {
        long position = (long) tokens.position(row) - window.before() + i;
        if (i == window.before() || position < 0 || position > Integer.MAX_VALUE) {
          continue;
        }
        long hash = tokens.hash(known.order(), row, (int) position);
        int block = known.index().block(known.order().shard(hash), hash);
        if (block >= 0) {
          StatisticOutput out = questions.computeIfAbsent(block, none -> new StatisticOutput());
          out.writeLong(hash);
          out.writeCompact(slot);
          out.writeCompact(i);
        }
      }
    }
    List<MeasureMessage> messages = new ArrayList<>();
    int features = known.settings().featuresPerFile() / FeatureBlock.FEATURES;
    messages.add(
        new MeasureMessage(
            false,
            MeasureKey.toFeatures(
                partitions[key.middle()] + key.minor() / features,
                key.minor(),
                MeasureMessage.HEADS,
                key.major()),
            heads.toBytes()));
    questions.forEach(
        (block, out) ->
            messages.add(
                new MeasureMessage(
                    true,
                    MeasureKey.toRows(
                        known.partitionOfBlock()[block], block, key.middle(), key.minor()),
                    out.toBytes())));
    return messages;
  }

  /** The vocabulary's number of a row's token, -1 for none. */
  static int token(TokenBlock tokens, int[] numbers, int row) {
    int local = tokens.tokenOf() == null ? -1 : tokens.tokenOf()[row];
    return local < 0 ? -1 : numbers[local];
  }
}
