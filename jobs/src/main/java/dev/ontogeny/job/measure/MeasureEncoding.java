package dev.ontogeny.job.measure;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.spark.Batched;
import dev.ontogeny.stats.BlockEncoder;
import dev.ontogeny.stats.RowStatistic;
import dev.ontogeny.stats.RowStatistics;
import dev.ontogeny.stats.StatisticOutput;
import java.io.IOException;
import java.lang.ref.SoftReference;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;

/**
 * Encodes the blocks of a partition with all dictionaries of a unit, and takes statistics of their
 * rows: per block and checkpoint the vectors are read once. In memory at a time: the dictionaries
 * of one checkpoint, or the one of several, a batch of rows and the codes of one block with each.
 */
final class MeasureEncoding implements FlatMapFunction<Iterator<BlockPiece>, BlockPiece> {
  private static final long serialVersionUID = 1;

  /** Dictionaries that were read by this process; given up when memory runs short. */
  private static final Map<String, SoftReference<Dictionary>> READ = new ConcurrentHashMap<>();

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;
  private final LongAccumulator rows;

  MeasureEncoding(Broadcast<MeasureScan> scan, MeasureUnit unit, LongAccumulator rows) {
    this.scan = scan;
    this.unit = unit;
    this.rows = rows;
  }

  @Override
  public Iterator<BlockPiece> call(Iterator<BlockPiece> blocks) {
    int threads = TaskContext.get().cpus();
    KernelProvider provider = Kernels.provider(scan.value().settings().kernel(), threads);
    return new Batched<>() {
      private TokenBlock tokens;
      private long[] documents;
      private byte[] weights;
      private Iterator<List<Integer>> scans = List.<List<Integer>>of().iterator();

      @Override
      protected List<BlockPiece> batch() throws IOException {
        if (scans.hasNext()) {
          return encode(provider, tokens, documents, weights, scans.next());
        }
        if (!blocks.hasNext()) {
          return null;
        }
        BlockPiece.Whole whole = BlockPiece.next(blocks);
        tokens = whole.tokens();
        documents = scan.value().documents(tokens);
        weights = scan.value().weights(documents);
        scans = unit.scans().iterator();
        return BlockPiece.cut(whole.block(), BlockPiece.TOKENS, whole.bytes());
      }
    };
  }

  private List<BlockPiece> encode(
      KernelProvider provider,
      TokenBlock tokens,
      long[] documents,
      byte[] weights,
      List<Integer> numbers)
      throws IOException {
    MeasureScan known = scan.value();
    List<Dictionary> dictionaries = new ArrayList<>();
    for (String id :
        numbers.stream().map(number -> unit.dictionaries().get(number).id()).distinct().toList()) {
      dictionaries.add(dictionary(known, id));
    }
    int batchRows = Math.min(known.settings().batchRows(), tokens.rows());
    Map<Integer, RowStatistics.Scans> ofRows = new TreeMap<>();
    try (BlockEncoder encoder =
        new BlockEncoder(
            provider, dictionaries, batchRows, weights, known.settings().replicates())) {
      List<Source> sources = dictionaries.get(0).sources();
      for (int s = 0; s < sources.size(); s++) {
        int number = unit.sources().indexOf(sources.get(s));
        if (number >= 0) {
          RowStatistics.Scans scans =
              new RowStatistics.Scans(
                  new RowStatistic.Of(known.dataset(), sources.get(s)),
                  dictionaries.get(0).sourceColumns()[s],
                  documents,
                  provider,
                  batchRows);
          ofRows.put(number, scans);
          encoder.alongside(scans);
        }
      }
      List<BlockEncoder.Encoded> encoded = encoder.encode(known.dataset(), tokens.block());
      rows.add(tokens.rows());
      List<BlockPiece> result = new ArrayList<>();
      for (int i = 0; i < encoded.size(); i++) {
        StatisticOutput out = new StatisticOutput();
        encoded.get(i).write(out);
        result.addAll(BlockPiece.cut(tokens.block().index(), numbers.get(i), out.toBytes()));
      }
      ofRows.forEach(
          (number, scans) -> {
            StatisticOutput out = new StatisticOutput();
            scans.write(out);
            result.addAll(
                BlockPiece.cut(tokens.block().index(), BlockPiece.ofSource(number), out.toBytes()));
          });
      return result;
    } finally {
      ofRows.values().forEach(RowStatistics.Scans::close);
    }
  }

  private static Dictionary dictionary(MeasureScan scan, String id) throws IOException {
    String key = scan.dictionaries().resolve(id);
    SoftReference<Dictionary> reference = READ.get(key);
    Dictionary dictionary = reference == null ? null : reference.get();
    if (dictionary == null) {
      dictionary = DictionaryFolder.read(scan.dictionaries(), id);
      READ.put(key, new SoftReference<>(dictionary));
    }
    return dictionary;
  }
}
