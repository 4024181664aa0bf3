package dev.ontogeny.stats;

import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TokenBlock.Token;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.stats.KeptExamples.Example;
import java.io.IOException;
import java.io.Serializable;
import java.util.List;

/**
 * A statistic of what every feature of a dictionary does on the dataset: one class that says what
 * it keeps of a {@link FeatureBlock run of neighbouring features}, how the codes of a block of rows
 * are added, what is published of it and what that takes. What was kept of each block of rows is
 * merged in the order of the blocks, so that sums of doubles do not depend on the cluster.
 *
 * @param <S> what is kept of the features: merges, and has bytes
 */
public interface FeatureStatistic<S extends Mergeable<S>> extends Serializable {

  /**
   * Some features on one block of rows. Those of the run are numbered from 0 on.
   *
   * @param codes of all features of the dictionary
   * @param first the dictionary's number of feature 0
   * @param size how many codes they have together
   * @param previous codes of the same rows with the series' dictionary at the checkpoint before;
   *     null for none
   * @param scaling of all features, as the encoder took it; null for a dictionary of one source
   * @param room for a number per row
   */
  record Seen(
      CodesByFeature codes,
      int first,
      int size,
      RowAttributes rows,
      CodesByFeature previous,
      LatentScaling scaling,
      float[] room) {
    /** Where a feature's places begin among the rows and values of {@link #codes}. */
    int from(int feature) {
      return codes.start(first + feature);
    }

    /** Where they end. */
    int to(int feature) {
      return codes.start(first + feature + 1);
    }
  }

  /**
   * What is known of a dictionary and its dataset where results are published.
   *
   * @param places where it is measured
   * @param previous where the series' dictionary at the checkpoint before is; null for none
   * @param checkpoints of all sources of the dictionary
   * @param rows of the dataset
   * @param labels whose values are counted
   * @param topTokens and
   * @param maximumLabels that are published per feature
   */
  record Of(
      String dictionary,
      List<Place> places,
      Place previous,
      List<Long> checkpoints,
      long rows,
      Token[] vocabulary,
      List<LabelValues> labels,
      int topTokens,
      int maximumLabels) {}

  /**
   * A source of a dictionary at which it is measured.
   *
   * @param source its place in the dictionary
   * @param series that the dictionary belongs to there, null for none
   */
  record Place(int source, String site, long checkpoint, int width, String series)
      implements Serializable {
    /** What is read there. */
    public Source read() {
      return new Source(site, checkpoint, width);
    }

    /** The same series at another checkpoint. */
    public boolean follows(Place other) {
      return series != null && series.equals(other.series) && site.equals(other.site);
    }
  }

  /**
   * The features of a run after all rows, by their numbers in it.
   *
   * @param first the dictionary's number of feature 0
   * @param weights [features][places]
   */
  record Merged(int first, CodeSums sums, FeatureWeights[][] weights) {
    int features() {
      return sums.features();
    }

    boolean fires(int feature) {
      return sums.count(feature) > 0;
    }
  }

  /** Takes what is published. */
  interface Into extends RowStatistic.Tables {
    /**
     * A row to be shown with its document: it is read where its tokens are, and written later.
     *
     * @param top whether it is one of the strongest, or else one of the sample
     * @param number among the feature's examples of its kind
     */
    void example(int feature, boolean top, int number, Example example);
  }

  /** The tables that it publishes; declared in {@code FeatureTables}. */
  List<TableSchema> tables();

  /** Whether there is anything to keep of a dictionary on a dataset. */
  default boolean applies(FeatureBlock.Shape shape) {
    return true;
  }

  /**
   * Of no rows.
   *
   * @param first the dictionary's number of the first of these features
   */
  S none(FeatureBlock.Shape shape, int first, int features);

  /** Takes in what one feature does on a block of rows, be it nothing. */
  void add(S kept, int feature, Seen seen);

  /**
   * Bytes of what is kept.
   *
   * @param tokensPerFeature different ones on which a feature fires
   */
  long memory(FeatureBlock.Shape shape, int features, long tokensPerFeature);

  /** Writes what follows from all rows, in the order of the features. */
  void publish(Of of, Merged features, S kept, Into into) throws IOException;
}
