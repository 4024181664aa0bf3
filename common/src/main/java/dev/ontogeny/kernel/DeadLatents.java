package dev.ontogeny.kernel;

import java.util.List;
import java.util.Map;

/** For how many tokens each latent has not fired. The same bookkeeping for every provider. */
public final class DeadLatents {
  static final String HIGH = "silent_high";
  static final String LOW = "silent_low";

  /** Two floats hold a count exactly up to 2^44 tokens. */
  private static final int LOW_BITS = 20;

  /** Where counting ends. */
  private static final long MOST = 1L << 43;

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

  /** The tokens of every latent, as a device counts them. */
  public long[] silent() {
    return silent.clone();
  }

  /** Takes over what a device counted. */
  public void assign(long[] tokens) {
    for (int latent = 0; latent < silent.length; latent++) {
      silent[latent] = Math.min(tokens[latent], MOST);
    }
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
    silent[latent] = fired ? 0 : Math.min(silent[latent] + tokens, MOST);
  }

  /**
   * Of several bookkeepings the one in which every latent is as alive as where it fired last, so
   * that it is dead only where it is dead in all of them.
   *
   * @param states of the same latents, as {@link #save} left them
   */
  public static void saveLeast(List<Map<String, float[]>> states, Map<String, float[]> into) {
    DeadLatents least = new DeadLatents(latents(states.get(0)), 0);
    least.restore(states.get(0));
    for (Map<String, float[]> state : states.subList(1, states.size())) {
      DeadLatents other = new DeadLatents(least.silent.length, 0);
      other.restore(state);
      for (int i = 0; i < least.silent.length; i++) {
        least.silent[i] = Math.min(least.silent[i], other.silent[i]);
      }
    }
    least.save(into);
  }

  /** How many latents a saved state tells of. */
  public static int latents(Map<String, float[]> state) {
    return state.get(HIGH).length;
  }

  /** Of the latents of a saved state, how many are dead by this window. */
  public static int countDead(Map<String, float[]> state, long window) {
    DeadLatents saved = new DeadLatents(latents(state), window);
    saved.restore(state);
    return saved.countDead();
  }

  public void save(Map<String, float[]> state) {
    float[] high = new float[silent.length];
    float[] low = new float[silent.length];
    for (int i = 0; i < silent.length; i++) {
      high[i] = silent[i] >>> LOW_BITS;
      low[i] = silent[i] & ((1 << LOW_BITS) - 1);
    }
    state.put(HIGH, high);
    state.put(LOW, low);
  }

  public void restore(Map<String, float[]> state) {
    float[] high = state.get(HIGH);
    float[] low = state.get(LOW);
    for (int i = 0; i < silent.length; i++) {
      silent[i] = ((long) high[i] << LOW_BITS) + (long) low[i];
    }
  }
}
