package dev.ontogeny.job.measure;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.spark.TableParts;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.FeatureStatistic;
import dev.ontogeny.stats.QuantileExamples;
import dev.ontogeny.stats.RowAddress;
import dev.ontogeny.stats.StatisticInput;
import java.io.IOException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import scala.Tuple2;

/**
 * Puts examples and their neighbours together and writes them. Records arrive sorted, so the
 * examples of one block of features are in memory at a time.
 */
final class MeasureExamples
    implements Function2<Integer, Iterator<Tuple2<MeasureKey, byte[]>>, Iterator<PublishedFile>> {
  private static final long serialVersionUID = 1;

  private final Broadcast<MeasureScan> scan;
  private final MeasureUnit unit;

  /** An example with its window; places without a neighbour have no token and are not present. */
  private static final class Window {
    final float value;
    final long address;
    final Object document;
    final int position;
    final boolean[] present;
    final int[] tokens;
    final float[] values;

    Window(StatisticInput in, boolean numbered, MeasureSettings.ContextWindow window) {
      value = in.readFloat();
      address = in.readLong();
      document = numbered ? (Object) in.readLong() : in.readText();
      position = in.readCompactInt();
      present = new boolean[window.size()];
      tokens = new int[window.size()];
      values = new float[window.size()];
      add(window.before(), in.readCompactInt(), value);
    }

    void add(int offset, int token, float code) {
      present[offset] = true;
      tokens[offset] = token;
      values[offset] = code;
    }
  }

  MeasureExamples(Broadcast<MeasureScan> scan, MeasureUnit unit) {
    this.scan = scan;
    this.unit = unit;
  }

  @Override
  public Iterator<PublishedFile> call(
      Integer partition, Iterator<Tuple2<MeasureKey, byte[]>> records) throws IOException {
    MeasureScan known = scan.value();
    int[] partitions = unit.partitions(known.settings().featuresPerFile());
    int number = MeasureReduction.dictionaryOf(partitions, partition);
    MeasureUnit.Measured dictionary = unit.dictionaries().get(number);
    String name =
        MeasureReduction.fileName(
            dictionary.id(), partition - partitions[number], known.publication().attempt());
    try (TableParts tables = new TableParts(known.publication().folder(), name)) {
      Window[] windows = new Window[FeatureBlock.FEATURES * known.settings().examples()];
      int block = -1;
      while (records.hasNext()) {
        Tuple2<MeasureKey, byte[]> next = records.next();
        if (next._1().major() != block) {
          write(known, tables, dictionary, block, windows);
          Arrays.fill(windows, null);
          block = next._1().major();
        }
        StatisticInput in = new StatisticInput(next._2());
        boolean heads = next._1().middle() == MeasureMessage.HEADS;
        while (!in.exhausted()) {
          int slot = in.readCompactInt();
          if (heads) {
            windows[slot] =
                new Window(in, known.columns().numbered(), known.settings().contextWindow());
          } else {
            int offset = in.readCompactInt();
            int token = in.readCompactInt();
            windows[slot].add(offset, token, in.readFloat());
          }
        }
      }
      write(known, tables, dictionary, block, windows);
      List<PublishedFile> files =
          tables.finish().stream()
              .map(file -> MeasureReduction.belonging(file, dictionary))
              .toList();
      return files.iterator();
    }
  }

  private static void write(
      MeasureScan known,
      TableParts tables,
      MeasureUnit.Measured dictionary,
      int block,
      Window[] windows)
      throws IOException {
    MeasureSettings settings = known.settings();
    TableSchema table = FeatureTables.EXAMPLES.asCaptured(known.columns().documents(), List.of());
    int center = settings.contextWindow().before();
    int[] sampled = new int[FeatureBlock.FEATURES];
    for (int slot = 0; slot < windows.length; slot++) {
      if (windows[slot] != null && slot % settings.examples() >= settings.topExamples()) {
        sampled[slot / settings.examples()]++;
      }
    }
    for (int slot = 0; slot < windows.length; slot++) {
      Window window = windows[slot];
      if (window == null) {
        continue;
      }
      int f = slot / settings.examples();
      int place = slot % settings.examples();
      boolean top = place < settings.topExamples();
      int from = center;
      while (from > 0 && window.present[from - 1]) {
        from--;
      }
      int to = center + 1;
      while (to < window.present.length && window.present[to]) {
        to++;
      }
      String[] contextTokens = tokens(known, window.tokens, from, to);
      float[] contextValues = Arrays.copyOfRange(window.values, from, to);
      for (FeatureStatistic.Place at : dictionary.places()) {
        tables.write(
            table,
            dictionary.id(),
            at.site(),
            at.checkpoint(),
            block * FeatureBlock.FEATURES + f,
            top ? "top" : "quantile",
            top
                ? place
                : QuantileExamples.quantile(
                    place - settings.topExamples(), sampled[f], settings.quantiles()),
            window.document,
            window.position,
            token(known, window.tokens[center]),
            (double) window.value,
            window.position - center + from,
            contextTokens,
            contextValues,
            RowAddress.shard(window.address),
            RowAddress.row(window.address));
      }
    }
  }

  private static String[] tokens(MeasureScan known, int[] numbers, int from, int to) {
    String[] tokens = new String[to - from];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = token(known, numbers[from + i]);
    }
    return tokens;
  }

  private static String token(MeasureScan known, int number) {
    return number == 0 ? null : known.vocabulary()[number - 1].shown();
  }
}
