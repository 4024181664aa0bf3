package dev.ontogeny.evolution;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The few tracks that are looked at more closely: those of highest confidence, of equal confidence
 * the strongest. Merges (associative, commutative; none is the identity).
 *
 * <p>Byte form, big-endian: int size; track, final feature as ints, confidence, strength as
 * doubles.
 */
public final class LeadingTracks {
  private static final Comparator<Leader> ORDER =
      Comparator.comparingDouble(Leader::confidence)
          .thenComparingDouble(Leader::strength)
          .reversed()
          .thenComparingInt(Leader::track);

  private final int most;
  private final List<Leader> leaders = new ArrayList<>();

  /**
   * A track.
   *
   * @param finalFeature its feature at the last checkpoint
   * @param confidence 0 where it is not known
   * @param strength greatest
   */
  public record Leader(int track, int finalFeature, double confidence, double strength) {}

  /** None yet, and never more than {@code most}. */
  public LeadingTracks(int most) {
    this.most = most;
  }

  /** Takes a track in if it leads. */
  public void offer(Leader leader) {
    leaders.add(leader);
    if (leaders.size() > 2 * most + 16) {
      trim();
    }
  }

  /** The tracks, leading first. */
  public List<Leader> leaders() {
    trim();
    return List.copyOf(leaders);
  }

  /** Takes in those of others. */
  public LeadingTracks merge(LeadingTracks other) {
    other.leaders.forEach(this::offer);
    return this;
  }

  private void trim() {
    leaders.sort(ORDER);
    if (leaders.size() > most) {
      leaders.subList(most, leaders.size()).clear();
    }
  }

  /** Writes the byte form. */
  public void write(DataOutput out) throws IOException {
    trim();
    out.writeInt(leaders.size());
    for (Leader each : leaders) {
      out.writeInt(each.track);
      out.writeInt(each.finalFeature);
      out.writeDouble(each.confidence);
      out.writeDouble(each.strength);
    }
  }

  /** Takes in those of a byte form. */
  public LeadingTracks mergeFrom(DataInput in) throws IOException {
    int size = in.readInt();
    for (int i = 0; i < size; i++) {
      offer(new Leader(in.readInt(), in.readInt(), in.readDouble(), in.readDouble()));
    }
    return this;
  }
}
