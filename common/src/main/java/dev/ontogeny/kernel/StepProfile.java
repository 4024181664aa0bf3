package dev.ontogeny.kernel;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** Where the time of steps goes, summed over threads. Switched off it reads no clock. */
public final class StepProfile {
  /** A part of a step. */
  public enum Part {
    /** The dense product of the encoder, with the packing of rows and weights for it. */
    PRODUCT,
    /** Group maxima, candidates, their second look in fp32, the choice. */
    SELECTION,
    /** Reconstructions and what they leave over. */
    DECODE,
    /** Of the codes, by way of the penalty, and of both matrices; gathering codes by latent. */
    GRADIENTS,
    /** The optimiser's pass over the weights. */
    ADAM
  }

  /** Measures nothing. */
  public static final StepProfile OFF = new StepProfile(false);

  private final boolean on;
  private final Map<Part, LongAdder> nanoseconds = new EnumMap<>(Part.class);

  /** Nothing measured yet. */
  public StepProfile() {
    this(true);
  }

  private StepProfile(boolean on) {
    this.on = on;
    for (Part part : Part.values()) {
      nanoseconds.put(part, new LongAdder());
    }
  }

  /** The time now. */
  public long now() {
    return on ? System.nanoTime() : 0;
  }

  /** Takes the time since for a part; returns the time now. */
  public long add(Part part, long since) {
    if (!on) {
      return 0;
    }
    long now = System.nanoTime();
    nanoseconds.get(part).add(now - since);
    return now;
  }

  /** Thread-seconds of a part so far. */
  public double seconds(Part part) {
    return nanoseconds.get(part).sum() / 1e9;
  }
}
