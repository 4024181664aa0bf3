package dev.ontogeny.kernel.cpu;

import java.util.Arrays;

/**
 * What {@link ActiveCodes} does with active latents alone, as dense products: for batches in which
 * so many latents are active that gathering their rows costs more than multiplying by all of them,
 * as in the first steps of types whose codes no k bounds, or where a wide rectangle makes half of
 * all latents matter to their thresholds. Codes are scattered into zeros before a product and
 * gathered from its result, so what counts is decided in one place only.
 */
final class DenseCodes implements AutoCloseable {
  /**
   * Active share of a batch from which dense is faster. By {@code DenseBenchmark}, on two cores of
   * an AMD Zen 5 server and batches of 512, processor time was equal at about 0.3 for d 128 and F
   * 4096, 0.2 for d 512 and F 8192, 0.16 for six sources gated apart; at 0.5 dense took 0.4 times
   * the time. One number for all, so that bytes do not depend on a measurement.
   */
  static final double BREAK_EVEN = 0.2;

  private final Workers workers;
  private final int inputs;
  private final int outputs;
  private final int width;
  private final int maximumBatch;
  private final Part[] parts;

  /** Codes' gradients of a latent, [rows], times rows of inputs. */
  private final EncoderProduct encoderGradient;

  private final float[] readByColumn;

  /** By worker: rows of a block in the columns of a part. */
  private final float[][] slices;

  /** By worker: what a block of latents is in every row, [latents, rows]. */
  private final float[][] byLatent;

  /** Columns that a code counts for or not as a whole: all, or a source's. */
  private final class Part implements AutoCloseable {
    final int first;
    final int columns;

    /** Rows times decoder. */
    final EncoderProduct pull;

    /** Codes times decoder. */
    final EncoderProduct decode;

    /** Codes of a latent, [rows], times rows of residuals. */
    final EncoderProduct gradient;

    /** These columns of the decoder, [F, columns]; none where they are all of them. */
    final float[] slice;

    /** Room for decoder or residuals by column. */
    final float[] byColumn;

    Part(EncoderProduct.Factory factory, int first, int columns, int blockRows, int latents) {
      this.first = first;
      this.columns = columns;
      int count = workers.count();
      pull = factory.create(columns, width, blockRows, count);
      decode = factory.create(width, columns, blockRows, count);
      gradient = factory.create(maximumBatch, columns, latents, count);
      slice = new float[columns == outputs ? 0 : width * columns];
      byColumn = new float[columns * Math.max(width, maximumBatch)];
    }

    @Override
    public void close() {
      pull.close();
      decode.close();
      gradient.close();
    }
  }

  /**
   * @param gates null where what fires counts for all columns
   * @param blockRows rows of a block
   * @param latents of a block
   */
  DenseCodes(
      CpuMachine machine,
      SourceGates gates,
      CpuWeights weights,
      int maximumBatch,
      int blockRows,
      int latents) {
    this.workers = machine.workers();
    this.inputs = weights.inputs;
    this.outputs = weights.outputs;
    this.width = weights.width;
    this.maximumBatch = maximumBatch;
    this.parts = new Part[gates == null ? 1 : gates.sources()];
    EncoderProduct.Factory factory = machine.product();
    for (int p = 0; p < parts.length; p++) {
      parts[p] =
          gates == null
              ? new Part(factory, 0, outputs, blockRows, latents)
              : new Part(factory, gates.first(p), gates.columns(p), blockRows, latents);
    }
    this.encoderGradient = factory.create(maximumBatch, inputs, latents, workers.count());
    this.readByColumn = new float[inputs * maximumBatch];
    this.slices = new float[workers.count()][blockRows * outputs];
    this.byLatent = new float[workers.count()][latents * maximumBatch];
  }

  /** Before {@link #pullBack} of a step. */
  void preparePullBack(float[] decoder) {
    workers.run(
        parts.length,
        (worker, p) -> {
          Part part = parts[p];
          for (int latent = 0; latent < width && part.slice.length > 0; latent++) {
            int from = latent * outputs + part.first;
            System.arraycopy(decoder, from, part.slice, latent * part.columns, part.columns);
          }
          pack(worker, part.pull, part.slice.length > 0 ? part.slice : decoder);
        });
  }

  /** Before {@link #decode} of a step. */
  void prepareDecoding(float[] decoder) {
    workers.run(
        parts.length,
        (worker, p) -> {
          Part part = parts[p];
          byColumn(decoder, outputs, width, part.first, part.columns, width, part.byColumn);
          pack(worker, part.decode, part.byColumn);
        });
  }

  /** Before gradients of the weights of a step. */
  void prepareGradients(float[] residual, float[] read, int rows) {
    workers.run(
        parts.length + 1,
        (worker, p) -> {
          if (p == parts.length) {
            byColumn(read, inputs, rows, 0, inputs, maximumBatch, readByColumn);
            pack(worker, encoderGradient, readByColumn);
          } else {
            Part part = parts[p];
            byColumn(
                residual, outputs, rows, part.first, part.columns, maximumBatch, part.byColumn);
            pack(worker, part.gradient, part.byColumn);
          }
        });
  }

  private static void pack(int worker, EncoderProduct product, float[] weights) {
    for (int panel = 0; panel < product.panels(); panel++) {
      product.pack(worker, panel, weights);
    }
  }

  /**
   * Some columns of a matrix as rows, {@code stride} apart, zero beyond what there is.
   *
   * @param all columns of the matrix
   * @param rows of the matrix
   */
  private static void byColumn(
      float[] matrix, int all, int rows, int first, int columns, int stride, float[] into) {
    int block = 16;
    for (int from = 0; from < rows; from += block) {
      int to = Math.min(rows, from + block);
      for (int i = 0; i < columns; i++) {
        for (int row = from; row < to; row++) {
          into[i * stride + row] = matrix[row * all + first + i];
        }
      }
    }
    for (int i = 0; i < columns; i++) {
      Arrays.fill(into, i * stride + rows, (i + 1) * stride, 0);
    }
  }

  /**
   * Reconstructions of a block of rows, without b_dec.
   *
   * @param room for rows × F
   * @param into [n, D]
   */
  void decode(
      int worker,
      ActiveCodes codes,
      int first,
      int count,
      SourceGates gates,
      float[] room,
      float[] into) {
    for (int p = 0; p < parts.length; p++) {
      Part part = parts[p];
      Arrays.fill(room, 0, count * width, 0);
      for (int row = 0; row < count; row++) {
        codes.scatterRow(first + row, gates, p, room, row * width);
      }
      multiply(worker, part.decode, room, 0, count, into, first * outputs + part.first, outputs);
    }
  }

  /** Gradients of the codes of a block of rows at every part, but for sign and factor. */
  void pullBack(
      int worker, ActiveCodes codes, int first, int count, float[] residual, float[] room) {
    for (int p = 0; p < parts.length; p++) {
      Part part = parts[p];
      float[] rows = residual;
      int at = first * outputs;
      if (part.columns < outputs) {
        rows = slices[worker];
        at = 0;
        for (int row = 0; row < count; row++) {
          int from = (first + row) * outputs + part.first;
          System.arraycopy(residual, from, rows, row * part.columns, part.columns);
        }
      }
      multiply(worker, part.pull, rows, at, count, room, 0, width);
      for (int row = 0; row < count; row++) {
        codes.gatherGradients(first + row, p, room, row * width);
      }
    }
  }

  /** Gradients of both matrices for a block of latents, by latent. */
  void gradients(
      int worker,
      ActiveCodes codes,
      int first,
      int count,
      SourceGates gates,
      float[] decoderGradient,
      float[] ofEncoder) {
    float[] room = byLatent[worker];
    for (int p = 0; p < parts.length; p++) {
      Part part = parts[p];
      Arrays.fill(room, 0);
      for (int latent = 0; latent < count; latent++) {
        codes.scatterLatent(first + latent, gates, p, room, latent * maximumBatch);
      }
      int at = first * outputs + part.first;
      multiply(worker, part.gradient, room, 0, count, decoderGradient, at, outputs);
    }
    Arrays.fill(room, 0);
    for (int latent = 0; latent < count; latent++) {
      codes.scatterGradients(first + latent, room, latent * maximumBatch);
    }
    multiply(worker, encoderGradient, room, 0, count, ofEncoder, first * inputs, inputs);
  }

  private static void multiply(
      int worker,
      EncoderProduct product,
      float[] rows,
      int at,
      int count,
      float[] into,
      int intoAt,
      int stride) {
    product.load(worker, rows, at, count);
    for (int panel = 0; panel < product.panels(); panel++) {
      product.multiply(worker, panel, into, intoAt + product.first(panel), stride);
    }
  }

  @Override
  public void close() {
    for (Part part : parts) {
      part.close();
    }
    encoderGradient.close();
  }
}
