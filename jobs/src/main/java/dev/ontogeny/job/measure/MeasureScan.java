package dev.ontogeny.job.measure;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.RowIndex;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.data.TokenBlock.Token;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.probing.ProbeRows;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.stats.Bootstrap;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.FeatureStatistic;
import dev.ontogeny.stats.LabelValues;
import dev.ontogeny.stats.RowAttributes;
import dev.ontogeny.stats.RowStatistic;
import dev.ontogeny.stats.TokenSummary;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;

/**
 * What every task of {@link Measure} knows: broadcast once.
 *
 * @param vocabulary sorted; empty where tokens are neither counted nor shown
 * @param labels those that are classes
 * @param partitionOfBlock which partition of a scan has a block of rows
 * @param heldOut which blocks of rows are held out
 */
record MeasureScan(
    ShardedDataset dataset,
    Folder dictionaries,
    Publication publication,
    MeasureSettings settings,
    TokenBlock.Columns columns,
    TokenOrder order,
    Token[] vocabulary,
    List<LabelValues> labels,
    RowIndex index,
    int[] partitionOfBlock,
    boolean[] heldOut)
    implements Serializable {

  /** The labels of a dataset that have few enough values. */
  static List<LabelValues> labels(TokenBlock.Columns columns, TokenSummary summary) {
    List<LabelValues> labels = new ArrayList<>();
    int offset = 0;
    for (int column = 0; column < columns.labels().size(); column++) {
      SortedMap<String, Long> values = summary.labelValues(column);
      if (!summary.labelIsUnbounded(column) && !values.isEmpty()) {
        labels.add(
            new LabelValues(
                columns.labels().get(column),
                column,
                values.keySet().toArray(String[]::new),
                values.values().stream().mapToLong(Long::longValue).toArray(),
                offset));
        offset += values.size();
      }
    }
    return labels;
  }

  /** What blocks of features of a dictionary keep. */
  FeatureBlock.Shape shape(MeasureUnit.Measured dictionary) {
    return new FeatureBlock.Shape(
        settings.topExamples(),
        settings.sampledExamples(),
        Seeds.of(settings.seed(), "examples", dictionary.id()),
        settings.topTokens() > 0 && columns.anyToken(),
        labels.stream().mapToInt(label -> label.values().length).sum(),
        settings.replicates(),
        dictionary.sources() > 1 ? dictionary.places().size() : 0);
  }

  /** What statistics of features are published by. */
  FeatureStatistic.Of of(MeasureUnit unit, MeasureUnit.Measured dictionary) {
    return new FeatureStatistic.Of(
        dictionary.id(),
        dictionary.places(),
        dictionary.previous() < 0 ? null : unit.dictionaries().get(dictionary.previous()).place(),
        dictionary.checkpoints(),
        dataset.summary().rows(),
        vocabulary,
        labels,
        settings.topTokens(),
        settings.maximumLabels());
  }

  /** What statistics of rows are taken and published by. */
  RowStatistic.Of of(Source source) {
    return new RowStatistic.Of(dataset, source, labels);
  }

  /** Of every token of a block its number in the vocabulary. */
  int[] numbers(TokenBlock tokens) {
    int[] numbers = new int[tokens.tokens() == null ? 0 : tokens.tokens().length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = Arrays.binarySearch(vocabulary, tokens.tokens()[i]);
    }
    return numbers;
  }

  /** What stands for the documents of the rows of a block. */
  private static long[] documents(TokenBlock tokens, Bootstrap bootstrap) {
    long[] documents = new long[tokens.rows()];
    for (int row = 0; row < documents.length; row++) {
      documents[row] =
          tokens.document(row) instanceof String text
              ? bootstrap.document(text)
              : bootstrap.document((Long) tokens.document(row));
    }
    return documents;
  }

  /** Per label the place of every row's value among the values of all labels, -1 for none. */
  private int[][] classes(TokenBlock tokens) {
    int[][] labelOf = new int[labels.size()][];
    for (int i = 0; i < labelOf.length; i++) {
      LabelValues label = labels.get(i);
      String[] here = tokens.labelValues()[label.column()];
      int[] column = new int[here.length];
      for (int value = 0; value < here.length; value++) {
        column[value] = label.offset() + Arrays.binarySearch(label.values(), here[value]);
      }
      labelOf[i] =
          Arrays.stream(tokens.labelOf()[label.column()])
              .map(each -> each < 0 ? -1 : column[each])
              .toArray();
    }
    return labelOf;
  }

  /** What probing needs to know of the rows of a block. */
  ProbeRows probeRows(TokenBlock tokens) {
    return ProbeRows.of(
        settings.seed(),
        documents(tokens, new Bootstrap(settings.seed(), 0)),
        tokens.hashes(),
        classes(tokens));
  }

  /** What statistics need to know of the rows of a block. */
  RowAttributes attributes(TokenBlock tokens) {
    int[] numbers = numbers(tokens);
    int[] tokenOf =
        tokens.tokens() == null
            ? null
            : Arrays.stream(tokens.tokenOf()).map(each -> each < 0 ? -1 : numbers[each]).toArray();
    Bootstrap bootstrap = new Bootstrap(settings.seed(), settings.replicates());
    long[] documents = documents(tokens, bootstrap);
    byte[] weights = bootstrap.weights(documents);
    return new RowAttributes(
        tokens.addresses(),
        documents,
        tokens.block().heldOut(),
        tokenOf,
        classes(tokens),
        weights,
        bootstrap.masks(weights, tokens.rows()));
  }
}
