package dev.ontogeny.evolution;

import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;

/**
 * The course of a track as one word: the rules of He et al. 2026 ("Learning to Read Out"), in order
 * of priority.
 */
public enum Lifecycle {
  PERSISTENT,
  TRANSITIONAL,
  EARLY_DECAYING,
  LATE_EMERGING,
  MIXED,
  /** Fires too rarely at every checkpoint to be called a feature. */
  INACTIVE;

  /** As the tables write it. */
  public String key() {
    return SettingsReader.constantName(this);
  }

  /**
   * Thresholds. Times are on τ = log10(step + 1) with the series' first checkpoint at 0 and its
   * last at 1; levels are relative to the track's peak.
   *
   * @param earlyUntil end of the early window
   * @param lateFrom begin of the late window; the middle lies between
   * @param persistentAlive least share of checkpoints alive
   * @param persistentRange greatest difference between highest and lowest level
   * @param persistentMean least mean level of all three windows, the other way to be persistent
   * @param transitionalPeak least peak in the middle window
   * @param transitionalProminence least excess of that peak over the means of the other two windows
   * @param transitionalLate greatest mean level of the late window
   * @param transitionalSpan greatest time from birth to death
   * @param levelMean least mean level of the early window of an early-decaying track, of the late
   *     window of a late-emerging one
   * @param levelChange least difference between these two means
   * @param earlyPeak latest peak of an early-decaying track; 1 minus it the earliest of a
   *     late-emerging
   */
  public record Thresholds(
      double earlyUntil,
      double lateFrom,
      double persistentAlive,
      double persistentRange,
      double persistentMean,
      double transitionalPeak,
      double transitionalProminence,
      double transitionalLate,
      double transitionalSpan,
      double levelMean,
      double levelChange,
      double earlyPeak)
      implements Serializable {
    public Thresholds {
      new Problems()
          .between("early-until", earlyUntil, 0, 1)
          .between("late-from", lateFrom, 0, 1)
          .check(
              earlyUntil < lateFrom,
              "early-until",
              "must be less than late-from (%s), got %s",
              lateFrom,
              earlyUntil)
          .between("persistent-alive", persistentAlive, 0, 1)
          .between("persistent-range", persistentRange, 0, 1)
          .between("persistent-mean", persistentMean, 0, 1)
          .between("transitional-peak", transitionalPeak, 0, 1)
          .between("transitional-prominence", transitionalProminence, 0, 1)
          .between("transitional-late", transitionalLate, 0, 1)
          .between("transitional-span", transitionalSpan, 0, 1)
          .between("level-mean", levelMean, 0, 1)
          .between("level-change", levelChange, 0, 1)
          .between("early-peak", earlyPeak, 0, 1)
          .raise();
    }
  }

  /**
   * The class of a track that is not inactive.
   *
   * @param time [T], {@link TimeAxis#unit} of the log axis
   * @param level [T], relative to the peak, 0…1
   * @param alive [T]
   * @param peak index of the highest level
   */
  static Lifecycle of(
      double[] time, double[] level, boolean[] alive, int peak, Thresholds thresholds) {
    double early = 0;
    double middle = 0;
    double late = 0;
    int earlyCount = 0;
    int middleCount = 0;
    int lateCount = 0;
    double middlePeak = 0;
    double highest = 0;
    double lowest = Double.POSITIVE_INFINITY;
    int aliveCount = 0;
    int birth = -1;
    int death = -1;
    for (int t = 0; t < time.length; t++) {
      highest = Math.max(highest, level[t]);
      lowest = Math.min(lowest, level[t]);
      if (time[t] <= thresholds.earlyUntil) {
        early += level[t];
        earlyCount++;
      } else if (time[t] >= thresholds.lateFrom) {
        late += level[t];
        lateCount++;
      } else {
        middle += level[t];
        middleCount++;
        middlePeak = Math.max(middlePeak, level[t]);
      }
      if (alive[t]) {
        aliveCount++;
        birth = birth < 0 ? t : birth;
        death = t;
      }
    }
    early = earlyCount == 0 ? 0 : early / earlyCount;
    late = lateCount == 0 ? 0 : late / lateCount;
    // A window without a checkpoint says nothing, for or against.
    double throughout = Double.POSITIVE_INFINITY;
    throughout = earlyCount == 0 ? throughout : Math.min(throughout, early);
    throughout = middleCount == 0 ? throughout : Math.min(throughout, middle / middleCount);
    throughout = lateCount == 0 ? throughout : Math.min(throughout, late);
    double peakTime = time[peak];
    if ((aliveCount >= thresholds.persistentAlive * time.length
            && highest - lowest <= thresholds.persistentRange)
        || throughout >= thresholds.persistentMean) {
      return PERSISTENT;
    }
    if (middlePeak >= thresholds.transitionalPeak
        && middlePeak - Math.max(early, late) >= thresholds.transitionalProminence
        && late <= thresholds.transitionalLate
        && birth >= 0
        && time[death] - time[birth] <= thresholds.transitionalSpan
        && peakTime > thresholds.earlyUntil
        && peakTime < thresholds.lateFrom) {
      return TRANSITIONAL;
    }
    if (early >= thresholds.levelMean
        && early - late >= thresholds.levelChange
        && peakTime <= thresholds.earlyPeak) {
      return EARLY_DECAYING;
    }
    if (late >= thresholds.levelMean
        && late - early >= thresholds.levelChange
        && peakTime >= 1 - thresholds.earlyPeak) {
      return LATE_EMERGING;
    }
    return MIXED;
  }
}
