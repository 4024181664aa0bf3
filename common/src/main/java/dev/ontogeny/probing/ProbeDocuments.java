package dev.ontogeny.probing;

import dev.ontogeny.probing.ProbeCandidates.Example;
import dev.ontogeny.stats.LabelValues;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/**
 * The candidates among documents, to be looked at once more: how many tokens each has, and which
 * labels vary within one of them.
 */
public final class ProbeDocuments implements Serializable {
  private static final long serialVersionUID = 1;

  /** All of them, ascending. */
  private final long[] documents;

  /** Per label its documents, ascending, and the class of each. */
  private final long[][] ofLabel;

  private final int[][] classes;

  /** What was seen of some rows; merges exactly. */
  public static final class Seen implements Serializable {
    private static final long serialVersionUID = 1;

    private final int[] tokens;
    private final boolean[] varies;

    private Seen(int documents, int labels) {
      tokens = new int[documents];
      varies = new boolean[labels];
    }

    /** Takes in what was seen of others. */
    public Seen merge(Seen other) {
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] += other.tokens[i];
      }
      for (int i = 0; i < varies.length; i++) {
        varies[i] |= other.varies[i];
      }
      return this;
    }

    /** Whether a document has two values of a label; tokens without one do not count. */
    boolean varies(int label) {
      return varies[label];
    }
  }

  /** Of all rows' candidates. */
  public ProbeDocuments(ProbeCandidates candidates, List<LabelValues> labels) {
    ofLabel = new long[labels.size()][];
    classes = new int[labels.size()][];
    for (int label = 0; label < ofLabel.length; label++) {
      LabelValues of = labels.get(label);
      List<Example> examples = candidates.documents(of.offset(), of.offset() + of.values().length);
      ofLabel[label] = examples.stream().mapToLong(Example::hash).toArray();
      classes[label] = examples.stream().mapToInt(Example::ofClass).toArray();
    }
    documents = Arrays.stream(ofLabel).flatMapToLong(Arrays::stream).sorted().distinct().toArray();
  }

  /** Of no rows. */
  public Seen none() {
    return new Seen(documents.length, ofLabel.length);
  }

  /** Adds the rows of a block. */
  public void look(ProbeRows rows, Seen into) {
    for (int row = 0; row < rows.rows(); row++) {
      long document = rows.documents()[row];
      int at = Arrays.binarySearch(documents, document);
      if (at < 0) {
        continue;
      }
      into.tokens[at]++;
      for (int label = 0; label < ofLabel.length; label++) {
        int value = rows.classes()[label][row];
        int its = Arrays.binarySearch(ofLabel[label], document);
        into.varies[label] |= value >= 0 && its >= 0 && classes[label][its] != value;
      }
    }
  }

  int tokens(Seen seen, long document) {
    return seen.tokens[Arrays.binarySearch(documents, document)];
  }
}
