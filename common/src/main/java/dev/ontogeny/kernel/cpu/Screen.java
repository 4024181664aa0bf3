package dev.ontogeny.kernel.cpu;

/**
 * How far products in bf16 can be from those in fp32, so that few latents of a row have to be
 * looked at again. Let x̂ and ŵ be a row and a latent's weights rounded to bf16. By Cauchy–Schwarz
 *
 * <pre>|x·w − x̂·ŵ| ≤ ‖x − x̂‖‖w‖ + ‖x̂‖‖w − ŵ‖</pre>
 *
 * and sums of D products in fp32, in whatever order, add at most about D · 2⁻²⁴ · ‖x‖‖w‖ on either
 * side. The sum of these is the slack of (row, latent): a latent whose screened value is below the
 * bar by more than that is below it in fp32, and the others are multiplied again in fp32. What is
 * selected is what fp32 alone would select.
 */
final class Screen {
  /** Covers the rounding of the norms themselves. */
  private static final float ROUNDED = 1 + 1e-4f;

  /** Twice the unit of rounding of fp32: the screened sum's and the exact sum's. */
  private static final float TWO_UNITS = 0x1p-22f;

  /** Beyond what bf16 products that are flushed to zero can make of a sum. */
  private static final float TINY = 1e-30f;

  private final Loops loops;
  private final int inputs;
  private final int width;

  /** ‖w‖ and ‖w − ŵ‖ of every latent. */
  private final float[] lengths;

  private final float[] losses;

  /** Their maxima by panel. */
  private final float[] panelLengths;

  private final float[] panelLosses;
  private float[] encoder;

  Screen(Loops loops, int inputs, int width, int panels) {
    this.loops = loops;
    this.inputs = inputs;
    this.width = width;
    this.lengths = new float[width];
    this.losses = new float[width];
    this.panelLengths = new float[panels];
    this.panelLosses = new float[panels];
  }

  /** Takes over a panel of weights, [F, D] by latent; the array is kept. */
  void pack(int panel, int first, int size, float[] weights) {
    encoder = weights;
    float length = 0;
    float loss = 0;
    for (int latent = first; latent < first + size; latent++) {
      lengths[latent] = length(weights, latent * inputs);
      losses[latent] = loss(weights, latent * inputs);
      length = Math.max(length, lengths[latent]);
      loss = Math.max(loss, losses[latent]);
    }
    panelLengths[panel] = length;
    panelLosses[panel] = loss;
  }

  private float length(float[] values, int at) {
    return (float) Math.sqrt(loops.dot(values, at, values, at, inputs)) * ROUNDED;
  }

  private float loss(float[] values, int at) {
    return (float) Math.sqrt(loops.lostToBf16(values, at, inputs)) * ROUNDED;
  }

  /** What one worker has to itself. */
  final class Block {
    private final float[] rowLengths;
    private final float[] rowLosses;
    private final float[] products = new float[width];
    private float[] rows;
    private int at;
    private float[] bias;
    private float ofBias;
    private float longest;
    private float greatestLoss;

    Block(int blockRows) {
      rowLengths = new float[blockRows];
      rowLosses = new float[blockRows];
    }

    /** Takes over a block of rows; both arrays are kept. */
    void load(float[] values, int from, int count, float[] biases) {
      rows = values;
      at = from;
      bias = biases;
      for (int row = 0; row < count; row++) {
        rowLengths[row] = length(values, from + row * inputs);
        rowLosses[row] = loss(values, from + row * inputs);
      }
      float greatest = 0;
      for (float each : biases) {
        greatest = Math.max(greatest, Math.abs(each));
      }
      ofBias = greatest * TWO_UNITS + TINY;
      longest = 0;
      greatestLoss = 0;
      for (int panel = 0; panel < panelLengths.length; panel++) {
        longest = Math.max(longest, panelLengths[panel]);
        greatestLoss = Math.max(greatestLoss, panelLosses[panel]);
      }
    }

    private float slack(int row, float length, float loss) {
      float sums = (inputs + 8) * TWO_UNITS * rowLengths[row];
      return ((rowLosses[row] + sums) * length + (rowLengths[row] + rowLosses[row]) * loss)
              * ROUNDED
          + ofBias;
    }

    /** The greatest slack of a row. */
    float slack(int row) {
      return slack(row, longest, greatestLoss);
    }

    /** The slack of a row and a latent. */
    float slack(int row, int latent) {
      return slack(row, lengths[latent], losses[latent]);
    }

    /** Scratch space for lower ends of ranges; {@link #decide} overwrites it. */
    float[] lowerEnds() {
      return products;
    }

    /** Pre-activations in fp32 of the first {@code count} candidates of a row. */
    float[] decide(int row, int[] candidates, int count) {
      loops.dots(encoder, inputs, candidates, 0, count, rows, at + row * inputs, products);
      for (int j = 0; j < count; j++) {
        products[j] += bias[candidates[j]];
      }
      return products;
    }
  }
}
