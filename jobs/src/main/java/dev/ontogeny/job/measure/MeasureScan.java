package dev.ontogeny.job.measure;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.RowIndex;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.data.TokenBlock.Token;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.stats.Bootstrap;
import dev.ontogeny.stats.FeatureBlock;
import dev.ontogeny.stats.RowAttributes;
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
    List<Label> labels,
    RowIndex index,
    int[] partitionOfBlock,
    boolean[] heldOut)
    implements Serializable {

  /**
   * A label whose values are counted.
   *
   * @param column among the dataset's labels
   * @param values sorted
   * @param rows of each value
   * @param offset of the first value among the values of all labels
   */
  record Label(String name, int column, String[] values, long[] rows, int offset)
      implements Serializable {}

  /** The labels of a dataset that have few enough values. */
  static List<Label> labels(TokenBlock.Columns columns, TokenSummary summary) {
    List<Label> labels = new ArrayList<>();
    int offset = 0;
    for (int column = 0; column < columns.labels().size(); column++) {
      SortedMap<String, Long> values = summary.labelValues(column);
      if (!summary.labelIsUnbounded(column) && !values.isEmpty()) {
        labels.add(
            new Label(
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
  FeatureBlock.Shape shape(String dictionary) {
    return new FeatureBlock.Shape(
        settings.topExamples(),
        settings.sampledExamples(),
        Seeds.of(settings.seed(), "examples", dictionary),
        settings.topTokens() > 0 && columns.anyToken(),
        labels.stream().mapToInt(label -> label.values().length).sum(),
        settings.replicates());
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
  long[] documents(TokenBlock tokens) {
    Bootstrap bootstrap = new Bootstrap(settings.seed(), settings.replicates());
    long[] documents = new long[tokens.rows()];
    for (int row = 0; row < documents.length; row++) {
      documents[row] =
          tokens.document(row) instanceof String text
              ? bootstrap.document(text)
              : bootstrap.document((Long) tokens.document(row));
    }
    return documents;
  }

  /** The weights of the bootstrap's replicates for rows of these documents. */
  byte[] weights(long[] documents) {
    return new Bootstrap(settings.seed(), settings.replicates()).weights(documents);
  }

  /** What statistics need to know of the rows of a block. */
  RowAttributes attributes(TokenBlock tokens) {
    int[] numbers = numbers(tokens);
    int[] tokenOf =
        tokens.tokens() == null
            ? null
            : Arrays.stream(tokens.tokenOf()).map(each -> each < 0 ? -1 : numbers[each]).toArray();
    int[][] labelOf = new int[labels.size()][];
    for (int i = 0; i < labelOf.length; i++) {
      Label label = labels.get(i);
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
    byte[] weights = weights(documents(tokens));
    return new RowAttributes(
        tokens.addresses(),
        tokens.block().heldOut(),
        tokenOf,
        labelOf,
        weights,
        new Bootstrap(settings.seed(), settings.replicates()).masks(weights, tokens.rows()));
  }
}
