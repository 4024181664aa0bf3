package dev.ontogeny.probing;

import dev.ontogeny.probing.ProbeCandidates.Example;
import dev.ontogeny.stats.LabelValues;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The examples of every label, and the probes that are trained on them. */
public final class ProbeSample implements Serializable {
  private static final long serialVersionUID = 1;

  /** A probe has at least so many examples of its class, and as many others, to learn from. */
  static final int FEWEST_TRAIN = 10;

  /** And so many to be tested on. */
  static final int FEWEST_TEST = 5;

  private final List<LabelValues> labels;
  private final List<Examples> examples = new ArrayList<>();
  private final List<Probe> probes = new ArrayList<>();
  private final int classes;

  /** What an example is. */
  public enum Kind {
    /** The mean over the tokens of a document. */
    DOCUMENT,
    /** A token, where a label varies within documents. */
    TOKEN;

    /** As tables have it. */
    public String shown() {
      return this == DOCUMENT ? "document" : "token";
    }
  }

  /**
   * The examples of a label, ascending by hash.
   *
   * @param weights of one of its rows, one over the tokens of the document
   */
  private record Examples(Kind kind, long[] hashes, int[] classes, boolean[] test, double[] weights)
      implements Serializable {}

  /**
   * One class against as many of the label's others, which have equal parts as far as they reach.
   *
   * @param label its place among the labels
   * @param ofClass its class
   * @param members places among the label's examples, ascending
   * @param positive which of them are of the class
   * @param test which of them it is tested on
   */
  public record Probe(int label, int ofClass, int[] members, boolean[] positive, boolean[] test)
      implements Serializable {
    /** The place of an example among the members; negative if it is none. */
    public int member(int example) {
      return Arrays.binarySearch(members, example);
    }
  }

  /** Of candidates, after their documents were looked at. */
  public ProbeSample(
      ProbeCandidates candidates,
      ProbeDocuments documents,
      ProbeDocuments.Seen seen,
      List<LabelValues> labels) {
    this.labels = List.copyOf(labels);
    int all = 0;
    for (int label = 0; label < labels.size(); label++) {
      LabelValues of = labels.get(label);
      int to = of.offset() + of.values().length;
      all = Math.max(all, to);
      Kind kind = seen.varies(label) ? Kind.TOKEN : Kind.DOCUMENT;
      List<Example> its =
          kind == Kind.TOKEN
              ? candidates.tokens(of.offset(), to)
              : candidates.documents(of.offset(), to);
      examples.add(
          new Examples(
              kind,
              its.stream().mapToLong(Example::hash).toArray(),
              its.stream().mapToInt(Example::ofClass).toArray(),
              flags(its),
              its.stream()
                  .mapToDouble(
                      each -> kind == Kind.TOKEN ? 1 : 1.0 / documents.tokens(seen, each.hash()))
                  .toArray()));
      for (int value = of.offset(); value < to; value++) {
        addProbe(label, value);
      }
    }
    classes = all;
  }

  private static boolean[] flags(List<Example> examples) {
    boolean[] test = new boolean[examples.size()];
    for (int i = 0; i < test.length; i++) {
      test[i] = examples.get(i).test();
    }
    return test;
  }

  private void addProbe(int label, int ofClass) {
    List<int[]> train = balanced(label, ofClass, false);
    List<int[]> test = balanced(label, ofClass, true);
    if (train.get(0).length < FEWEST_TRAIN || test.get(0).length < FEWEST_TEST) {
      return;
    }
    int[] members = new int[2 * (train.get(0).length + test.get(0).length)];
    int at = 0;
    for (List<int[]> split : List.of(train, test)) {
      for (int[] side : split) {
        System.arraycopy(side, 0, members, at, side.length);
        at += side.length;
      }
    }
    Arrays.sort(members);
    boolean[] positive = new boolean[members.length];
    boolean[] tested = new boolean[members.length];
    for (int i = 0; i < members.length; i++) {
      positive[i] = examples.get(label).classes()[members[i]] == ofClass;
      tested[i] = examples.get(label).test()[members[i]];
    }
    probes.add(new Probe(label, ofClass, members, positive, tested));
  }

  /** As many of a class as there are of others, and as many of the others. */
  private List<int[]> balanced(int label, int ofClass, boolean test) {
    LabelValues of = labels.get(label);
    List<List<Integer>> byValue = new ArrayList<>();
    Arrays.stream(of.values()).forEach(value -> byValue.add(new ArrayList<>()));
    Examples its = examples.get(label);
    int others = 0;
    for (int i = 0; i < its.hashes().length; i++) {
      if (its.test()[i] == test) {
        byValue.get(its.classes()[i] - of.offset()).add(i);
        others += its.classes()[i] == ofClass ? 0 : 1;
      }
    }
    List<Integer> own = byValue.remove(ofClass - of.offset());
    int count = Math.min(own.size(), others);
    int[] negative = new int[count];
    int filled = 0;
    for (int rank = 0; filled < count; rank++) {
      for (List<Integer> other : byValue) {
        if (rank < other.size() && filled < count) {
          negative[filled++] = other.get(rank);
        }
      }
    }
    return List.of(own.stream().limit(count).mapToInt(each -> each).toArray(), negative);
  }

  /** Bytes in memory, at most: examples, and the members of probes. */
  public static long memory(long classes, long train, long test) {
    return classes * (train + test) * (Long.BYTES + Integer.BYTES + 1 + Double.BYTES)
        + classes * 2 * (train + test) * (Integer.BYTES + 2);
  }

  /** In the order of their classes. */
  public List<Probe> probes() {
    return probes;
  }

  /** Classes of all labels. */
  public int classes() {
    return classes;
  }

  /** The label of a probe. */
  public LabelValues label(Probe probe) {
    return labels.get(probe.label());
  }

  /** What the examples of a probe are. */
  public Kind kind(Probe probe) {
    return examples.get(probe.label()).kind();
  }

  /** How many labels there are. */
  public int labels() {
    return labels.size();
  }

  /** Of each row the example of a label that it belongs to; -1 for none. */
  public int[] examples(int label, ProbeRows rows) {
    Examples its = examples.get(label);
    long[] hashes = its.kind() == Kind.DOCUMENT ? rows.documents() : rows.tokens();
    int[] found = new int[hashes.length];
    for (int row = 0; row < found.length; row++) {
      found[row] = Math.max(-1, Arrays.binarySearch(its.hashes(), hashes[row]));
    }
    return found;
  }

  /** What a row of an example counts. */
  double weight(int label, int example) {
    return examples.get(label).weights()[example];
  }

  /** The class of an example that is trained on, -1 of one that is tested on. */
  int trainedClass(int label, int example) {
    Examples its = examples.get(label);
    return its.test()[example] ? -1 : its.classes()[example];
  }

  /** How many examples of each class are trained on. */
  int[] trained() {
    int[] trained = new int[classes];
    for (Examples its : examples) {
      for (int i = 0; i < its.classes().length; i++) {
        trained[its.classes()[i]] += its.test()[i] ? 0 : 1;
      }
    }
    return trained;
  }
}
