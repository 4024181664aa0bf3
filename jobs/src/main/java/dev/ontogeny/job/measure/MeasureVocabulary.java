package dev.ontogeny.job.measure;

import dev.ontogeny.stats.TokenSummary;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapFunction;

/** Summarises the tokens of the blocks of a partition. */
final class MeasureVocabulary implements FlatMapFunction<Iterator<BlockBytes>, TokenSummary> {
  private static final long serialVersionUID = 1;

  private final int maximumVocabulary;
  private final int maximumLabelValues;

  MeasureVocabulary(int maximumVocabulary, int maximumLabelValues) {
    this.maximumVocabulary = maximumVocabulary;
    this.maximumLabelValues = maximumLabelValues;
  }

  @Override
  public Iterator<TokenSummary> call(Iterator<BlockBytes> blocks) {
    TokenSummary all = null;
    while (blocks.hasNext()) {
      TokenSummary one =
          TokenSummary.of(BlockBytes.next(blocks).tokens(), maximumVocabulary, maximumLabelValues);
      all = all == null ? one : all.merge(one);
    }
    return all == null ? List.<TokenSummary>of().iterator() : List.of(all).iterator();
  }
}
