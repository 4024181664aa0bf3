package dev.ontogeny.probing;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Documents and tokens that may become examples: of every class those with the smallest hashes,
 * apart for training and for testing, between which documents are divided by another hash.
 */
public final class ProbeCandidates implements Serializable {
  private static final long serialVersionUID = 1;
  private static final int TRAIN = 0;
  private static final int TEST = 1;

  private final double testShare;

  /** [classes][TRAIN, TEST]. */
  private final Smallest[][] documents;

  private final Smallest[][] tokens;

  /**
   * Of no rows.
   *
   * @param train the most of a class for training
   * @param test the most of a class for testing
   */
  public ProbeCandidates(int classes, int train, int test) {
    testShare = (double) test / (train + test);
    documents = sketches(classes, train, test);
    tokens = sketches(classes, train, test);
  }

  private static Smallest[][] sketches(int classes, int train, int test) {
    Smallest[][] sketches = new Smallest[classes][];
    Arrays.setAll(sketches, none -> new Smallest[] {new Smallest(train), new Smallest(test)});
    return sketches;
  }

  /** Bytes in memory, at most. */
  public static long memory(long classes, long train, long test) {
    return classes * (train + test) * 2 * 2 * Long.BYTES;
  }

  /** Takes in the rows of a block. */
  public void add(ProbeRows rows) {
    for (int row = 0; row < rows.rows(); row++) {
      int split = ProbeRows.tested(rows.documents()[row], testShare) ? TEST : TRAIN;
      for (int[] label : rows.classes()) {
        if (label[row] >= 0) {
          documents[label[row]][split].add(rows.documents()[row]);
          tokens[label[row]][split].add(rows.tokens()[row]);
        }
      }
    }
  }

  /** Takes in another's rows. */
  public ProbeCandidates merge(ProbeCandidates other) {
    for (int each = 0; each < documents.length; each++) {
      for (int split : new int[] {TRAIN, TEST}) {
        documents[each][split].merge(other.documents[each][split]);
        tokens[each][split].merge(other.tokens[each][split]);
      }
    }
    return this;
  }

  /** The documents of neighbouring classes. */
  List<Example> documents(int from, int to) {
    return examples(documents, from, to);
  }

  List<Example> tokens(int from, int to) {
    return examples(tokens, from, to);
  }

  private static List<Example> examples(Smallest[][] sketches, int from, int to) {
    List<Example> examples = new ArrayList<>();
    for (int each = from; each < to; each++) {
      for (int split : new int[] {TRAIN, TEST}) {
        for (long hash : sketches[each][split].sorted()) {
          examples.add(new Example(hash, each, split == TEST));
        }
      }
    }
    examples.sort(null);
    return examples;
  }

  /** A document or token of a class. */
  record Example(long hash, int ofClass, boolean test) implements Comparable<Example> {
    @Override
    public int compareTo(Example other) {
      int order = Long.compare(hash, other.hash);
      return order != 0 ? order : Integer.compare(ofClass, other.ofClass);
    }
  }
}
