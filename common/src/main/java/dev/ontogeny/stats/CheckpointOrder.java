package dev.ontogeny.stats;

import dev.ontogeny.data.CaptureFindings.OutOfOrder;
import dev.ontogeny.data.CaptureFindings.Pair;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether the checkpoints of a site follow each other as states of one training run do: two that
 * are the same but for rounding, and those that lie nearer to the end than to their neighbours.
 */
public final class CheckpointOrder {
  /** Rounding to bfloat16 moves a vector by about 0.2 % of its length, to float16 by 0.03 %. */
  static final double ROUNDING = 0.004;

  /** So much nearer must the last one be before it is told. */
  private static final double CLEARLY = 0.9;

  private final String site;
  private final List<Long> checkpoints;
  private final List<SourceSketch> sketches;

  /** A site's checkpoints, ascending, each with its sketch. */
  public CheckpointOrder(String site, List<Long> checkpoints, List<SourceSketch> sketches) {
    this.site = site;
    this.checkpoints = List.copyOf(checkpoints);
    this.sketches = List.copyOf(sketches);
  }

  /** Pairs that are not bit-identical and still differ by no more than rounding. */
  public List<Pair> nearlyIdentical() {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < sketches.size(); i++) {
      for (int j = i + 1; j < sketches.size(); j++) {
        double distance = distance(i, j);
        if (distance > 0 && distance < ROUNDING) {
          pairs.add(new Pair(site, checkpoints.get(i), checkpoints.get(j), distance));
        }
      }
    }
    return pairs;
  }

  /** Checkpoints that are nearer to the last than to those before and after. */
  public List<OutOfOrder> outOfOrder() {
    List<OutOfOrder> found = new ArrayList<>();
    int last = sketches.size() - 1;
    for (int i = 0; i < last - 1; i++) {
      double neighbour = distance(i, i + 1);
      if (i > 0) {
        neighbour = Math.min(neighbour, distance(i, i - 1));
      }
      double end = distance(i, last);
      if (end < CLEARLY * neighbour) {
        found.add(new OutOfOrder(site, checkpoints.get(i), checkpoints.get(last), end, neighbour));
      }
    }
    return found;
  }

  private double distance(int i, int j) {
    return sketches.get(i).distance(sketches.get(j));
  }
}
