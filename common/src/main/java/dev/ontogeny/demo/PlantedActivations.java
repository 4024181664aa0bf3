package dev.ontogeny.demo;

import dev.ontogeny.run.Seeds;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Activations whose features are known: what a capture of a network would hold if its features were
 * sparse, superposed and appeared, moved and vanished on a schedule.
 *
 * <p>A token holds a few <em>concepts</em>, each with an amplitude in [0.5, 1.5); which ones does
 * not depend on the checkpoint. At checkpoint t the network represents concept i by a unit
 * direction d_i(t), with a strength s_i(t):
 *
 * <pre>x_t = growth(t) · (offset + Σ_i amplitude_i · s_i(t) · d_i(t) + noise)</pre>
 *
 * <ul>
 *   <li>Firing rates follow a power law of the feature's index and add up to {@code
 *       activePerToken}.
 *   <li>Neighbours in frequency may be a pair: where the rarer one fires, the other fires too with
 *       {@code pairProbability}. Rates are the stated ones all the same.
 *   <li>Some features are there from the first checkpoint, the others are born later; about half of
 *       all die. Strength is zero before birth and from death on, 0.65 to 0.75 at birth, 1 at the
 *       peak, and falls by an eighth per checkpoint afterwards, to a floor above 0.62. Births and
 *       deaths balance, so that the total variance stays about level: dictionaries see normalised
 *       activations, where a swelling total would move every event.
 *   <li>Directions are random, hence not orthogonal, and turn in a plane of their own by up to
 *       {@code rotationDegrees} in all.
 *   <li>{@code growth} rises from 1 to 3: whoever forgets to normalise sees every peak at the end.
 * </ul>
 *
 * <p>Every number follows from the plan and from (document, position, checkpoint) alone: rows can
 * be made in any order, anywhere, without state, in any number. Made tables take features ×
 * checkpoints × width floats. Safe for several threads.
 */
public final class PlantedActivations implements Serializable {
  private static final long serialVersionUID = 1;
  private static final double SMALLEST_AMPLITUDE = 0.5;
  private static final double MEAN_AMPLITUDE = 1.0;
  private static final double MEAN_SQUARE_AMPLITUDE = 1.0 + 1.0 / 12;
  private static final double OFFSET_NORM = 2.0;
  private static final double GROWTH = 3.0;

  /** The label that names which of the first few features fire. */
  public static final String LABEL_TOPIC = "label_topic";

  /** A label that has nothing to do with any feature. */
  public static final String LABEL_COIN = "label_coin";

  /** The labels of every row, in the order of {@link Token#labels}. */
  public static final List<String> LABELS = List.of(LABEL_TOPIC, LABEL_COIN);

  private static final int TOPICS = 4;
  private static final int SCHEDULES_TRIED = 12;

  private final Plan plan;
  private final long rowSeed;
  private final double[] rates;
  private final double[] ownRates;
  private final int[] companions;
  private final double[][] strengths;
  private final float[][][] directions;
  private final float[] offset;
  private final double[] scales;
  private final Feature[] features;

  /**
   * What to plant.
   *
   * @param width dimensions of an activation; fewer than features means superposition
   * @param checkpoints training steps, ascending, at least six
   * @param activePerToken mean number of concepts in a token
   * @param rateExponent firing rate of feature i ∝ (i + 10)^(−rateExponent)
   * @param pairShare share of features that belong to a pair
   * @param pairProbability that a feature's companion fires with it
   * @param rotationDegrees largest angle between a feature's directions at the first and at the
   *     last checkpoint
   * @param noise standard deviation of each coordinate's noise
   * @param documentLength tokens per document
   */
  public record Plan(
      long seed,
      int width,
      int features,
      List<Long> checkpoints,
      double activePerToken,
      double rateExponent,
      double pairShare,
      double pairProbability,
      double rotationDegrees,
      double noise,
      int documentLength)
      implements Serializable {
    public Plan {
      checkpoints = List.copyOf(checkpoints);
      for (int t = 1; t < checkpoints.size(); t++) {
        if (checkpoints.get(t - 1) >= checkpoints.get(t)) {
          throw new IllegalArgumentException("checkpoints must ascend, got " + checkpoints);
        }
      }
      if (checkpoints.size() < 6 || width < 2 || features < TOPICS || documentLength < 1) {
        throw new IllegalArgumentException(
            "a plan needs at least 6 checkpoints, 2 dimensions, "
                + TOPICS
                + " features and 1 token per document, got "
                + checkpoints.size()
                + ", "
                + width
                + ", "
                + features
                + ", "
                + documentLength);
      }
    }

    /** A plan of the usual proportions: checkpoints 0, 100, 200 …; 4 concepts per token. */
    public static Plan of(long seed, int width, int features, int checkpoints) {
      return new Plan(
          seed,
          width,
          features,
          LongStream.range(0, checkpoints).mapToObj(t -> 100 * t).toList(),
          4,
          0.5,
          0.2,
          0.4,
          40,
          0.02,
          64);
    }
  }

  /**
   * The truth about one feature. Events follow from {@link #strength} as the data contract defines
   * them: birth is the first checkpoint at which it is at least half of its peak, death the first
   * after the peak from which it stays below half.
   *
   * @param firingRate share of tokens that hold the concept
   * @param companion the feature that tends to fire with it, −1 if none
   * @param birth a checkpoint
   * @param peak a checkpoint
   * @param death a checkpoint, null if it lives to the end
   */
  public record Feature(
      int index, double firingRate, int companion, long birth, long peak, Long death)
      implements Serializable {}

  /**
   * One token with the concepts that it holds, the same at all checkpoints.
   *
   * @param tokenId the strongest concept, or the number of features where there is none
   * @param token the same as text
   * @param labels values of {@link #LABELS}
   * @param concepts features, ascending
   * @param amplitudes of the concepts
   */
  public record Token(
      long document,
      int position,
      int tokenId,
      String token,
      List<String> labels,
      int[] concepts,
      float[] amplitudes) {}

  /** Plants. */
  public PlantedActivations(Plan plan) {
    this.plan = plan;
    this.rowSeed = Seeds.of(plan.seed, "planted", "rows");
    int count = plan.features;
    rates = firingRates(plan);
    companions = companions(plan);
    ownRates = ownRates();
    strengths = new double[count][];
    directions = new float[count][][];
    double[] power = new double[plan.checkpoints.size()];
    for (int i = 0; i < count; i++) {
      strengths[i] = levelSchedule(i, power);
      directions[i] = path(i);
    }
    offset = gaussianVector(Seeds.of(plan.seed, "planted", "offset"), OFFSET_NORM);
    scales = new double[plan.checkpoints.size()];
    for (int t = 0; t < scales.length; t++) {
      scales[t] = Math.sqrt(plan.width / totalVariance(t));
    }
    features = new Feature[count];
    for (int i = 0; i < count; i++) {
      features[i] = truth(i);
    }
  }

  public Plan plan() {
    return plan;
  }

  /** All features, by index. */
  public List<Feature> features() {
    return List.of(features);
  }

  /**
   * The strength of a feature in normalised units: relative to the root mean square of a centred
   * coordinate at that checkpoint, which is how dictionaries see it.
   *
   * @param checkpoint index into the plan's checkpoints
   */
  public double strength(int feature, int checkpoint) {
    return strengths[feature][checkpoint] * scales[checkpoint];
  }

  /**
   * The unit direction of a feature, [width].
   *
   * @param checkpoint index into the plan's checkpoints
   */
  public float[] direction(int feature, int checkpoint) {
    return directions[feature][checkpoint].clone();
  }

  /** What a token holds. */
  public Token token(long document, int position) {
    long hash = Seeds.mix(Seeds.mix(rowSeed, document), position);
    long draw = 0;
    boolean[] present = new boolean[plan.features];
    // Skip sampling: candidates come at the rate of the feature last looked at, which bounds all
    // later ones, and are kept by the ratio. The cost is that of the concepts, not of the features.
    double bound = rates[0];
    int at = -1;
    while (true) {
      double gap = Math.log(uniform(Seeds.mix(hash, draw++))) / Math.log1p(-bound);
      if (gap >= plan.features - 1 - at) {
        break;
      }
      at += 1 + (int) gap;
      if (uniform(Seeds.mix(hash, draw++)) * bound < ownRates[at]) {
        present[at] = true;
      }
      bound = rates[at];
    }
    for (int i = 0; i < plan.features; i++) {
      // A companion has the lower index, so what is pulled in here pulls in nothing further.
      if (present[i] && companions[i] >= 0 && companions[i] < i) {
        present[companions[i]] |= uniform(Seeds.mix(hash, draw++)) < plan.pairProbability;
      }
    }
    return describe(document, position, hash, present);
  }

  private Token describe(long document, int position, long hash, boolean[] present) {
    int count = 0;
    for (boolean each : present) {
      count += each ? 1 : 0;
    }
    int[] concepts = new int[count];
    float[] amplitudes = new float[count];
    int strongest = plan.features;
    float largest = 0;
    String topic = "none";
    int filled = 0;
    long ofAmplitudes = Seeds.mix(hash, "amplitude");
    for (int i = 0; i < plan.features; i++) {
      if (present[i]) {
        float amplitude = (float) (SMALLEST_AMPLITUDE + uniform(Seeds.mix(ofAmplitudes, i)));
        concepts[filled] = i;
        amplitudes[filled++] = amplitude;
        if (amplitude > largest) {
          largest = amplitude;
          strongest = i;
        }
        if (i < TOPICS && topic.equals("none")) {
          topic = "topic-" + i;
        }
      }
    }
    String coin = (Seeds.mix(hash, "coin") & 1) == 0 ? "heads" : "tails";
    String token = strongest == plan.features ? "nothing" : "concept-" + strongest;
    return new Token(
        document, position, strongest, token, List.of(topic, coin), concepts, amplitudes);
  }

  /**
   * The activation of a token in captured units.
   *
   * @param checkpoint index into the plan's checkpoints
   * @param into [width]
   */
  public void activation(Token token, int checkpoint, float[] into) {
    System.arraycopy(offset, 0, into, 0, plan.width);
    for (int c = 0; c < token.concepts.length; c++) {
      int feature = token.concepts[c];
      float size = (float) (token.amplitudes[c] * strengths[feature][checkpoint]);
      if (size != 0) {
        float[] direction = directions[feature][checkpoint];
        for (int j = 0; j < plan.width; j++) {
          into[j] += size * direction[j];
        }
      }
    }
    long hash =
        Seeds.mix(
            Seeds.mix(Seeds.mix(rowSeed, token.document), token.position), ~(long) checkpoint);
    float growth = growth(checkpoint);
    for (int j = 0; j < plan.width; j++) {
      into[j] = growth * (into[j] + (float) plan.noise * bell(Seeds.mix(hash, j)));
    }
  }

  private float growth(int checkpoint) {
    return (float) Math.pow(GROWTH, checkpoint / (double) (plan.checkpoints.size() - 1));
  }

  private static double[] firingRates(Plan plan) {
    double[] rates = new double[plan.features];
    for (int i = 0; i < rates.length; i++) {
      rates[i] = Math.pow(i + 10, -plan.rateExponent);
    }
    double sum = Arrays.stream(rates).sum();
    for (int i = 0; i < rates.length; i++) {
      rates[i] *= plan.activePerToken / sum;
    }
    if (rates[0] > 0.5) {
      throw new IllegalArgumentException(
          "the most frequent feature would fire on "
              + rates[0]
              + " of all tokens: plan more features or fewer active per token");
    }
    return rates;
  }

  /** Both members of a pair name each other; topics stay alone, so that labels stay pure. */
  private static int[] companions(Plan plan) {
    int[] companions = new int[plan.features];
    Arrays.fill(companions, -1);
    for (int i = TOPICS; i + 1 < plan.features; i += 2) {
      if (uniform(Seeds.of(plan.seed, "planted", "pair", i)) < plan.pairShare) {
        companions[i] = i + 1;
        companions[i + 1] = i;
      }
    }
    return companions;
  }

  /**
   * The rate at which a feature fires unasked, such that with what its companion adds it comes to
   * the stated rate: r = 1 − (1 − own)(1 − q·r_companion).
   */
  private double[] ownRates() {
    double[] own = rates.clone();
    for (int i = 0; i < own.length; i++) {
      if (companions[i] > i) {
        double pulled = plan.pairProbability * rates[companions[i]];
        own[i] = (rates[i] - pulled) / (1 - pulled);
      }
    }
    return own;
  }

  private double share(int feature, double step) {
    double at = uniform(Seeds.of(plan.seed, "planted", "share", step)) + feature * step;
    return at - Math.floor(at);
  }

  private static int between(long hash, int low, int high) {
    return low + (int) (uniform(hash) * (high - low + 1));
  }

  /**
   * Of several random schedules the one that keeps the power of the features so far most level.
   *
   * @param power Σ rate · strength² of the features so far, per checkpoint; this one's is added
   */
  private double[] levelSchedule(int feature, double[] power) {
    double[] best = null;
    double least = Double.POSITIVE_INFINITY;
    for (int attempt = 0; attempt < SCHEDULES_TRIED; attempt++) {
      double[] schedule = schedule(feature, attempt);
      double sum = 0;
      double squares = 0;
      for (int t = 0; t < power.length; t++) {
        double total = power[t] + rates[feature] * schedule[t] * schedule[t];
        sum += total;
        squares += total * total;
      }
      double unevenness = squares / (sum * sum);
      if (unevenness < least) {
        least = unevenness;
        best = schedule;
      }
    }
    for (int t = 0; t < power.length; t++) {
      power[t] += rates[feature] * best[t] * best[t];
    }
    return best;
  }

  private double[] schedule(int feature, int attempt) {
    long hash = Seeds.mix(Seeds.of(plan.seed, "planted", "schedule", feature), attempt);
    int last = plan.checkpoints.size() - 1;
    // Which kind a feature is of does not depend on the attempt; the two additive sequences share
    // the kinds out evenly, also among few features.
    boolean early = share(feature, 0.7548776662466927) < 0.5;
    boolean dies = share(feature, 0.5698402909980532) < (early ? 0.7 : 0.3);
    int birth = early ? 0 : between(Seeds.mix(hash, 1), 1, last - 3);
    int peak = between(Seeds.mix(hash, 2), birth, Math.min(birth + 3, last - 2));
    int death = dies ? between(Seeds.mix(hash, 4), peak + 2, last) : last + 1;
    double atBirth = 0.65 + 0.1 * uniform(Seeds.mix(hash, 5));
    double floor = 0.62 + 0.13 * uniform(Seeds.mix(hash, 6));
    double[] strength = new double[last + 1];
    for (int t = birth; t < death && t <= last; t++) {
      strength[t] =
          t < peak
              ? atBirth + (1 - atBirth) * (t - birth) / (peak - birth)
              : Math.max(floor, 1 - 0.125 * (t - peak));
    }
    return strength;
  }

  /** d(t) = cos(φ t/T) u + sin(φ t/T) v with v ⟂ u. */
  private float[][] path(int feature) {
    float[] from = gaussianVector(Seeds.of(plan.seed, "planted", "from", feature), 1);
    float[] to = gaussianVector(Seeds.of(plan.seed, "planted", "to", feature), 1);
    double along = dot(from, to);
    for (int j = 0; j < to.length; j++) {
      to[j] -= (float) (along * from[j]);
    }
    double norm = Math.sqrt(dot(to, to));
    double angle =
        Math.toRadians(plan.rotationDegrees)
            * uniform(Seeds.of(plan.seed, "planted", "angle", feature));
    float[][] path = new float[plan.checkpoints.size()][plan.width];
    for (int t = 0; t < path.length; t++) {
      double turned = angle * t / (path.length - 1);
      for (int j = 0; j < plan.width; j++) {
        path[t][j] = (float) (Math.cos(turned) * from[j] + Math.sin(turned) * to[j] / norm);
      }
    }
    return path;
  }

  /** E‖x − E x‖² before growth. */
  private double totalVariance(int checkpoint) {
    double total = plan.width * plan.noise * plan.noise;
    for (int i = 0; i < rates.length; i++) {
      double strength = strengths[i][checkpoint];
      double mean = rates[i] * MEAN_AMPLITUDE;
      total += strength * strength * (rates[i] * MEAN_SQUARE_AMPLITUDE - mean * mean);
      int companion = companions[i];
      if (companion > i) {
        // P(both) = r_c · (1 − (1 − own_i)(1 − q))
        double both = rates[companion] * (1 - (1 - ownRates[i]) * (1 - plan.pairProbability));
        double covariance = both - rates[i] * rates[companion];
        total +=
            2
                * strength
                * strengths[companion][checkpoint]
                * covariance
                * dot(directions[i][checkpoint], directions[companion][checkpoint]);
      }
    }
    return total;
  }

  private Feature truth(int feature) {
    int peak = 0;
    for (int t = 1; t < scales.length; t++) {
      if (strength(feature, t) > strength(feature, peak)) {
        peak = t;
      }
    }
    double half = strength(feature, peak) / 2;
    int birth = 0;
    while (strength(feature, birth) < half) {
      birth++;
    }
    int death = scales.length;
    while (strength(feature, death - 1) < half) {
      death--;
    }
    return new Feature(
        feature,
        rates[feature],
        companions[feature],
        plan.checkpoints.get(birth),
        plan.checkpoints.get(peak),
        death == scales.length ? null : plan.checkpoints.get(death));
  }

  private float[] gaussianVector(long seed, double norm) {
    float[] vector = new float[plan.width];
    for (int j = 0; j < vector.length; j++) {
      vector[j] = bell(Seeds.mix(seed, j));
    }
    double scale = norm / Math.sqrt(dot(vector, vector));
    for (int j = 0; j < vector.length; j++) {
      vector[j] *= (float) scale;
    }
    return vector;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += (double) a[j] * b[j];
    }
    return sum;
  }

  /** In (0, 1). */
  private static double uniform(long hash) {
    return ((hash >>> 11) + 0.5) * 0x1p-53;
  }

  /**
   * About a standard normal: the sum of the hash's four 16-bit words, centred and scaled to
   * variance one (Irwin–Hall). Never beyond 3.5.
   */
  private static float bell(long hash) {
    long sum =
        (hash & 0xffff) + ((hash >>> 16) & 0xffff) + ((hash >>> 32) & 0xffff) + (hash >>> 48);
    return (float) ((sum - 2 * 65535.0) / 65536 * Math.sqrt(3));
  }
}
