package dev.ontogeny.kernel;

import java.util.Map;

/** For how many tokens each latent has not fired. The same bookkeeping for every provider. */
public final class DeadLatents {
  /** Two floats hold a count exactly up to 2^44 tokens. */
  private static final int LOW_BITS = 20;

  private final long window;
  private final long[] silent;

  public DeadLatents(int width, long window) {
    this.window = window;
    this.silent = new long[width];
  }

  /** Has not fired for the window. */
  public boolean dead(int latent) {
    return silent[latent] >= window;
  }

  public int countDead() {
    int count = 0;
    for (long tokens : silent) {
      if (tokens >= window) {
        count++;
      }
    }
    return count;
  }

  /** After a batch of {@code tokens} rows in which the latent fired or did not. */
  public void advance(int latent, boolean fired, long tokens) {
    silent[latent] = fired ? 0 : Math.min(silent[latent] + tokens, 1L << 43);
  }

  public void save(Map<String, float[]> state) {
    float[] high = new float[silent.length];
    float[] low = new float[silent.length];
    for (int i = 0; i < silent.length; i++) {
      high[i] = silent[i] >>> LOW_BITS;
      low[i] = silent[i] & ((1 << LOW_BITS) - 1);
    }
    state.put("silent_high", high);
    state.put("silent_low", low);
  }

  public void restore(Map<String, float[]> state) {
    float[] high = state.get("silent_high");
    float[] low = state.get("silent_low");
    for (int i = 0; i < silent.length; i++) {
      silent[i] = ((long) high[i] << LOW_BITS) + (long) low[i];
    }
  }
}
