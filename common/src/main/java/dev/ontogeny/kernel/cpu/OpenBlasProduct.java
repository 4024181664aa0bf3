package dev.ontogeny.kernel.cpu;

import java.nio.FloatBuffer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_nolapack;

/** The product by the OpenBLAS that ND4J brings, in fp32, where oneDNN has no native library. */
final class OpenBlasProduct extends EncoderProduct {
  private final FloatPointer weights;
  private final FloatBuffer weightsBuffer;
  private final FloatPointer[] rows;
  private final FloatPointer[] results;
  private final int[] counts;

  private OpenBlasProduct(int inputs, int width, int blockRows, int workers) {
    super(inputs, width, blockRows);
    weights = new FloatPointer((long) width * inputs);
    weightsBuffer = weights.asBuffer();
    rows = new FloatPointer[workers];
    results = new FloatPointer[workers];
    counts = new int[workers];
    for (int worker = 0; worker < workers; worker++) {
      rows[worker] = new FloatPointer((long) blockRows * inputs);
      results[worker] = new FloatPointer((long) blockRows * Math.min(PANEL, width));
    }
  }

  /** Loads the library; fails with a {@link LinkageError} where there is none. */
  static Factory factory() {
    org.bytedeco.javacpp.Loader.load(openblas_nolapack.class);
    // Blocks of rows are the parallelism: a product runs in the thread that calls it.
    openblas_nolapack.blas_set_num_threads(1);
    return new Factory() {
      @Override
      public String name() {
        return "OpenBLAS fp32";
      }

      @Override
      public EncoderProduct create(int inputs, int width, int blockRows, int workers) {
        return new OpenBlasProduct(inputs, width, blockRows, workers);
      }
    };
  }

  @Override
  void pack(int worker, int panel, float[] encoder) {
    int at = first(panel) * inputs;
    weightsBuffer.put(at, encoder, at, size(panel) * inputs);
  }

  @Override
  void load(int worker, float[] from, int at, int count) {
    rows[worker].asBuffer().put(0, from, at, count * inputs);
    counts[worker] = count;
  }

  @Override
  void multiply(int worker, int panel, float[] into, int at, int stride) {
    int size = size(panel);
    openblas_nolapack.cblas_sgemm(
        openblas_nolapack.CblasRowMajor,
        openblas_nolapack.CblasNoTrans,
        openblas_nolapack.CblasTrans,
        counts[worker],
        size,
        inputs,
        1f,
        rows[worker],
        inputs,
        weights.getPointer((long) first(panel) * inputs),
        inputs,
        0f,
        results[worker],
        size);
    FloatBuffer buffer = results[worker].asBuffer();
    for (int row = 0; row < counts[worker]; row++) {
      buffer.get(row * size, into, at + row * stride, size);
    }
  }

  @Override
  public void close() {
    weights.close();
    for (int worker = 0; worker < rows.length; worker++) {
      rows[worker].close();
      results[worker].close();
    }
  }
}
