package dev.ontogeny.probing;

import dev.ontogeny.probing.LogisticRegression.Penalty;
import dev.ontogeny.probing.ProbeSample.Probe;
import dev.ontogeny.stats.CodesByFeature;
import dev.ontogeny.stats.StatisticInput;
import dev.ontogeny.stats.StatisticOutput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A probe on the features that were chosen for it: the codes of its examples, and what follows.
 *
 * <p>Bytes: the number of codes that are not zero, and for each, feature by feature, the distance
 * from the one before and the code.
 */
public final class SparseProbe {
  private static final int TAG = 'S';
  private static final int VERSION = 1;

  private final ProbeSample sample;
  private final Probe probe;
  private final int[] features;

  /** [features][members]. */
  private final double[][] codes;

  /** How a probe is trained; the names are those of SAEBench's evaluations. */
  public enum Method {
    /** SAEBench's own: C = 1, half the sum of squares. */
    SPARSE_PROBING("sparse_probing"),
    /**
     * sae-probes (Kantamneni et al., arXiv 2502.16681): sum of absolute values, with the C of ten
     * between 1e5 and 1e-5 that has the best AUC on examples that are set aside.
     */
    SAE_PROBES("sparse_probing_sae_probes");

    private final String shown;

    Method(String shown) {
      this.shown = shown;
    }

    /** As tables have it. */
    public String shown() {
      return shown;
    }
  }

  /**
   * A trained probe.
   *
   * @param features it looks at
   * @param c weight of its loss
   */
  public record Trained(
      LogisticRegression regression, int[] features, double c, ProbeScores scores) {}

  /** Of no rows. */
  public SparseProbe(ProbeSample sample, Probe probe, int[] features) {
    this.sample = sample;
    this.probe = probe;
    this.features = features.clone();
    codes = new double[features.length][probe.members().length];
  }

  /**
   * Bytes in memory while training, at most.
   *
   * @param features that are chosen by the absolute difference
   */
  public static long memory(long features, long train, long test) {
    return 8 * (3 * (features + FeatureSplitting.MOST) + 12) * 2 * (train + test);
  }

  /**
   * Adds the rows of a block.
   *
   * @param examples {@link ProbeSample#examples} of the probe's label
   */
  public void add(int[] examples, CodesByFeature of) {
    for (int f = 0; f < features.length; f++) {
      for (int i = of.start(features[f]); i < of.start(features[f] + 1); i++) {
        int example = examples[of.rows()[i]];
        int member = example < 0 ? -1 : probe.member(example);
        if (member >= 0) {
          codes[f][member] += sample.weight(probe.label(), example) * of.values()[i];
        }
      }
    }
  }

  /** The bytes of what was added. */
  public void write(StatisticOutput out) {
    out.header(TAG, VERSION);
    int filled = 0;
    for (double[] column : codes) {
      for (double code : column) {
        filled += code != 0 ? 1 : 0;
      }
    }
    out.writeCompact(filled);
    int before = 0;
    int at = 0;
    for (double[] column : codes) {
      for (double code : column) {
        if (code != 0) {
          out.writeCompact(at - before);
          out.writeDouble(code);
          before = at;
        }
        at++;
      }
    }
  }

  /** Takes in what another wrote. */
  public void mergeFrom(StatisticInput in) {
    in.header(TAG, VERSION);
    int members = probe.members().length;
    int at = 0;
    for (int left = in.readCompactInt(); left > 0; left--) {
      at += in.readCompactInt();
      codes[at / members][at % members] += in.readDouble();
    }
  }

  /**
   * Trains.
   *
   * @param of some of its features
   */
  public Trained train(int[] of, Method method) {
    double[][] columns = new double[of.length][];
    for (int j = 0; j < of.length; j++) {
      int at = 0;
      while (features[at] != of[j]) {
        at++;
      }
      columns[j] = codes[at];
    }
    int[] train = places(false);
    int[] test = places(true);
    double[][] x = chosen(columns, train);
    boolean[] y = chosen(train);
    Penalty penalty = method == Method.SAE_PROBES ? Penalty.L1 : Penalty.L2;
    double c = method == Method.SAE_PROBES ? CrossValidation.best(x, y, penalty) : 1;
    LogisticRegression regression = LogisticRegression.fit(x, y, c, penalty);
    double[] scores = regression.scores(chosen(columns, test), test.length);
    return new Trained(regression, of.clone(), c, ProbeScores.of(scores, chosen(test)));
  }

  /** Examples to learn from, or to be tested on; half of them are of the class. */
  public int count(boolean test) {
    return places(test).length;
  }

  private int[] places(boolean test) {
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < probe.members().length; i++) {
      if (probe.test()[i] == test) {
        places.add(i);
      }
    }
    return places.stream().mapToInt(each -> each).toArray();
  }

  private static double[][] chosen(double[][] columns, int[] places) {
    double[][] chosen = new double[columns.length][];
    Arrays.setAll(chosen, j -> CrossValidation.chosen(columns[j], places));
    return chosen;
  }

  private boolean[] chosen(int[] places) {
    return CrossValidation.chosen(probe.positive(), places);
  }
}
