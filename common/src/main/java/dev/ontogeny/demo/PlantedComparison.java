package dev.ontogeny.demo;

import dev.ontogeny.demo.PlantedActivations.Feature;
import dev.ontogeny.evolution.SparseAssignment;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.ArrayList;
import java.util.List;

/**
 * How well tracks recover planted features. Each track is matched to at most one feature and each
 * feature to at most one track, by the greatest total cosine of the decoder to the planted
 * direction at the checkpoint where the feature peaks; a pair needs a cosine of {@link
 * #FOUND_COSINE} there, with the track alive. Only tracks of enough confidence count as claims.
 *
 * <p>An event is a hit when the matched track has it within one checkpoint of the truth. Precision
 * is over all claimed tracks that have such an event, matched or not; recall over all planted
 * features that have one, found or not: nothing is left out.
 */
public final class PlantedComparison {
  /** A feature whose direction is not met this closely is not found. */
  public static final double FOUND_COSINE = 0.8;

  private static final int TOLERANCE = 1;

  private final PlantedActivations planted;
  private final List<FloatMatrix> decoders;
  private final List<Long> checkpoints;

  /**
   * A track as it was recovered; checkpoints are indices, −1 where there is none.
   *
   * @param features [T], the latent that it is at each checkpoint, −1 where it is absent
   * @param death −1 where it lives to the end
   * @param confidence NaN where there is none
   */
  public record Recovered(int[] features, int birth, int peak, int death, double confidence) {}

  /**
   * How well one kind of event was recovered.
   *
   * @param planted features that have the event
   * @param claimed tracks that claim to have it
   * @param hits claims that are right within one checkpoint
   * @param meanError mean distance in checkpoints between matched claims and the truth
   */
  public record Score(
      int planted,
      int claimed,
      int hits,
      double precision,
      double recall,
      double f1,
      double meanError) {

    private static Score of(int planted, int claimed, int hits, int matched, int distance) {
      double precision = claimed == 0 ? 0 : hits / (double) claimed;
      double recall = planted == 0 ? 0 : hits / (double) planted;
      return new Score(
          planted,
          claimed,
          hits,
          precision,
          recall,
          hits == 0 ? 0 : 2 * precision * recall / (precision + recall),
          matched == 0 ? 0 : distance / (double) matched);
    }
  }

  /**
   * The whole comparison.
   *
   * @param confidence the least that a track needs to count
   * @param tracks how many have it
   * @param found planted features that a track was matched to
   */
  public record Result(
      double confidence, int tracks, int found, Score births, Score peaks, Score deaths) {}

  /**
   * A comparison with the dictionaries of one series.
   *
   * @param decoders W_dec at each of the plan's checkpoints, [F, width]
   */
  public PlantedComparison(PlantedActivations planted, List<FloatMatrix> decoders) {
    this.planted = planted;
    this.checkpoints = planted.plan().checkpoints();
    this.decoders = List.copyOf(decoders);
    if (decoders.size() != checkpoints.size()) {
      throw new IllegalArgumentException(
          "the plan has " + checkpoints.size() + " checkpoints, got " + decoders.size());
    }
  }

  /**
   * The mean over all planted features of the greatest cosine that any latent has to the direction
   * at the feature's peak, in that checkpoint's dictionary.
   */
  public double meanMaxCosine() {
    double sum = 0;
    for (Feature feature : planted.features()) {
      int peak = index(feature.peak());
      float[] direction = planted.direction(feature.index(), peak);
      double best = -1;
      for (int latent = 0; latent < decoders.get(peak).rows(); latent++) {
        best = Math.max(best, cosine(direction, decoders.get(peak), latent));
      }
      sum += best;
    }
    return sum / planted.features().size();
  }

  /** Compares the tracks of at least this confidence with what was planted. */
  public Result compare(List<Recovered> tracks, double confidence) {
    List<Recovered> claims = tracks.stream().filter(each -> claimed(each, confidence)).toList();
    int[] matched = match(claims);
    int found = 0;
    for (int each : matched) {
      found += each >= 0 ? 1 : 0;
    }
    return new Result(
        confidence,
        claims.size(),
        found,
        score(claims, matched, Event.BIRTH),
        score(claims, matched, Event.PEAK),
        score(claims, matched, Event.DEATH));
  }

  private static boolean claimed(Recovered track, double confidence) {
    return track.birth >= 0 && (confidence <= 0 || track.confidence >= confidence);
  }

  private enum Event {
    BIRTH,
    PEAK,
    DEATH;

    int of(Recovered track) {
      return this == BIRTH ? track.birth : this == PEAK ? track.peak : track.death;
    }
  }

  private int truth(Event event, Feature feature) {
    return switch (event) {
      case BIRTH -> index(feature.birth());
      case PEAK -> index(feature.peak());
      case DEATH -> feature.death() == null ? -1 : index(feature.death());
    };
  }

  private Score score(List<Recovered> claims, int[] matched, Event event) {
    int have = 0;
    int hits = 0;
    int both = 0;
    int distance = 0;
    for (Feature feature : planted.features()) {
      int truth = truth(event, feature);
      have += truth >= 0 ? 1 : 0;
      int claim =
          matched[feature.index()] < 0 ? -1 : event.of(claims.get(matched[feature.index()]));
      if (truth >= 0 && claim >= 0) {
        both++;
        distance += Math.abs(truth - claim);
        hits += Math.abs(truth - claim) <= TOLERANCE ? 1 : 0;
      }
    }
    int claimed = (int) claims.stream().filter(each -> event.of(each) >= 0).count();
    return Score.of(have, claimed, hits, both, distance);
  }

  /** The claim of each planted feature, −1 where there is none. */
  private int[] match(List<Recovered> claims) {
    int[] starts = new int[planted.features().size() + 1];
    List<Integer> candidates = new ArrayList<>();
    List<Float> weights = new ArrayList<>();
    for (Feature feature : planted.features()) {
      int peak = index(feature.peak());
      float[] direction = planted.direction(feature.index(), peak);
      for (int claim = 0; claim < claims.size(); claim++) {
        Recovered track = claims.get(claim);
        boolean alive =
            track.features[peak] >= 0
                && track.birth <= peak
                && (track.death < 0 || track.death > peak);
        double cosine = alive ? cosine(direction, decoders.get(peak), track.features[peak]) : -1;
        if (cosine >= FOUND_COSINE) {
          candidates.add(claim);
          weights.add((float) cosine);
        }
      }
      starts[feature.index() + 1] = candidates.size();
    }
    int[] candidate = candidates.stream().mapToInt(Integer::intValue).toArray();
    float[] weight = new float[candidate.length];
    for (int i = 0; i < weight.length; i++) {
      weight[i] = weights.get(i);
    }
    return SparseAssignment.match(
        planted.features().size(), claims.size(), starts, candidate, weight);
  }

  private int index(long checkpoint) {
    return checkpoints.indexOf(checkpoint);
  }

  private static double cosine(float[] direction, FloatMatrix decoder, int latent) {
    double dot = 0;
    double square = 0;
    for (int j = 0; j < direction.length; j++) {
      double value = decoder.at(latent, j);
      dot += direction[j] * value;
      square += value * value;
    }
    return square == 0 ? 0 : dot / Math.sqrt(square);
  }
}
