package dev.ontogeny.job.measure;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.spark.Batched;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.spark.ProcessCache;
import dev.ontogeny.stats.BlockEncoder;
import dev.ontogeny.stats.RowAttributes;
import dev.ontogeny.stats.RowStatistics;
import dev.ontogeny.stats.StatisticOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;

/**
 * Encodes the blocks of a partition with all dictionaries of a unit, and takes statistics of their
 * rows: per block and checkpoint the vectors are read once. In memory at a time: the dictionaries
 * of one checkpoint, or the one of several, a batch of rows and the codes of one block with each.
 */
final class MeasureEncoding implements FlatMapFunction<Iterator<BlockBytes>, BlockBytes> {
  private static final long serialVersionUID = 1;

  private static final ProcessCache<Dictionary> READ = new ProcessCache<>();

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;
  private final LongAccumulator rows;

  MeasureEncoding(Broadcast<MeasureScan> scan, MeasureUnit unit, LongAccumulator rows) {
    this.scan = scan;
    this.unit = unit;
    this.rows = rows;
  }

  @Override
  public Iterator<BlockBytes> call(Iterator<BlockBytes> blocks) {
    int threads = TaskContext.get().cpus();
    KernelProvider provider = Gpus.provider(scan.value().settings().kernel(), threads);
    return new Batched<>() {
      private TokenBlock tokens;
      private RowAttributes rows;
      private Iterator<List<Integer>> scans = List.<List<Integer>>of().iterator();

      @Override
      protected List<BlockBytes> batch() throws IOException {
        if (scans.hasNext()) {
          return encode(provider, tokens, rows, scans.next());
        }
        if (!blocks.hasNext()) {
          return null;
        }
        BlockBytes.Whole whole = BlockBytes.next(blocks);
        tokens = whole.tokens();
        rows = scan.value().attributes(tokens);
        scans = unit.scans().iterator();
        return BlockBytes.cut(whole.block(), BlockBytes.TOKENS, whole.bytes());
      }
    };
  }

  private List<BlockBytes> encode(
      KernelProvider provider, TokenBlock tokens, RowAttributes attributes, List<Integer> numbers)
      throws IOException {
    MeasureScan known = scan.value();
    List<Dictionary> dictionaries = new ArrayList<>();
    List<MeasureUnit.Measured> measured = numbers.stream().map(unit.dictionaries()::get).toList();
    List<String> ids = measured.stream().map(MeasureUnit.Measured::id).distinct().toList();
    for (String id : ids) {
      dictionaries.add(dictionary(known, id));
    }
    int batchRows = Math.min(known.settings().batchRows(), tokens.rows());
    Map<Integer, RowStatistics.Scans> ofRows = new TreeMap<>();
    try (BlockEncoder encoder =
        new BlockEncoder(
            provider,
            dictionaries,
            batchRows,
            attributes.weights(),
            known.settings().replicates())) {
      for (MeasureUnit.Measured each : measured) {
        if (each.forOverlapsOnly()) {
          encoder.codesOnly(ids.indexOf(each.id()));
        }
      }
      List<Source> sources = dictionaries.get(0).sources();
      for (int s = 0; s < sources.size(); s++) {
        int number = unit.sources().indexOf(sources.get(s));
        if (number >= 0) {
          RowStatistics.Scans scans =
              new RowStatistics.Scans(
                  known.of(sources.get(s)),
                  dictionaries.get(0).sourceColumns()[s],
                  attributes,
                  provider,
                  batchRows);
          ofRows.put(number, scans);
          encoder.alongside(scans);
        }
      }
      List<BlockEncoder.Encoded> encoded = encoder.encode(known.dataset(), tokens.block());
      rows.add(tokens.rows());
      List<BlockBytes> result = new ArrayList<>();
      for (int i = 0; i < encoded.size(); i++) {
        StatisticOutput out = new StatisticOutput();
        encoded.get(i).write(out);
        result.addAll(BlockBytes.cut(tokens.block().index(), numbers.get(i), out.toBytes()));
      }
      ofRows.forEach(
          (number, scans) -> {
            StatisticOutput out = new StatisticOutput();
            scans.write(out);
            result.addAll(
                BlockBytes.cut(tokens.block().index(), BlockBytes.ofSource(number), out.toBytes()));
          });
      return result;
    } finally {
      ofRows.values().forEach(RowStatistics.Scans::close);
    }
  }

  private static Dictionary dictionary(MeasureScan scan, String id) throws IOException {
    return READ.get(
        scan.dictionaries().resolve(id), () -> DictionaryFolder.read(scan.dictionaries(), id));
  }
}
