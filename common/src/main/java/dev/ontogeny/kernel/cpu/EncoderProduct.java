package dev.ontogeny.kernel.cpu;

/**
 * The one dense product: rows of inputs times encoder, in blocks of rows and panels of latents that
 * stay in cache. Encoder weights are handed over once per step, panel by panel, and packed as the
 * library likes them. Workers are numbered; each number is used by one thread at a time.
 */
abstract class EncoderProduct implements AutoCloseable {
  /** Latents of a panel: 512 columns of output for 128 rows stay in a second-level cache. */
  static final int PANEL = 512;

  final int inputs;
  final int width;
  final int blockRows;

  EncoderProduct(int inputs, int width, int blockRows) {
    this.inputs = inputs;
    this.width = width;
    this.blockRows = blockRows;
  }

  /** How to make one, chosen once. */
  interface Factory {
    /** For people, for instance {@code oneDNN fp32: avx512_core}. */
    String name();

    EncoderProduct create(int inputs, int width, int blockRows, int workers);
  }

  final int panels() {
    return (width + PANEL - 1) / PANEL;
  }

  /** First latent of a panel. */
  final int first(int panel) {
    return panel * PANEL;
  }

  /** Latents of a panel. */
  final int size(int panel) {
    return Math.min(PANEL, width - panel * PANEL);
  }

  /** Takes over a panel of weights, one row of {@code inputs} for each latent, [F, D]. */
  abstract void pack(int worker, int panel, float[] encoder);

  /** Takes over up to {@code blockRows} rows of inputs for the products that follow. */
  abstract void load(int worker, float[] rows, int at, int count);

  /**
   * Products of the loaded rows with a panel; row r goes to {@code into} from {@code at + r ·
   * stride} on.
   */
  abstract void multiply(int worker, int panel, float[] into, int at, int stride);

  @Override
  public abstract void close();
}
