package dev.ontogeny.kernel.cpu;

/** The product by our own loops, for machines without a native library and for tests. */
final class JavaProduct extends EncoderProduct {
  private final Loops loops;
  private final float[] weights;
  private final float[][] rows;
  private final int[] counts;

  private JavaProduct(Loops loops, int inputs, int width, int blockRows, int workers) {
    super(inputs, width, blockRows);
    this.loops = loops;
    this.weights = new float[Math.multiplyExact(width, inputs)];
    this.rows = new float[workers][blockRows * inputs];
    this.counts = new int[workers];
  }

  static Factory factory(Loops loops) {
    return new Factory() {
      @Override
      public String name() {
        return "Java";
      }

      @Override
      public EncoderProduct create(int inputs, int width, int blockRows, int workers) {
        return new JavaProduct(loops, inputs, width, blockRows, workers);
      }
    };
  }

  @Override
  void pack(int worker, int panel, float[] encoder) {
    int from = first(panel) * inputs;
    System.arraycopy(encoder, from, weights, from, size(panel) * inputs);
  }

  @Override
  void load(int worker, float[] from, int at, int count) {
    System.arraycopy(from, at, rows[worker], 0, count * inputs);
    counts[worker] = count;
  }

  @Override
  void multiply(int worker, int panel, float[] into, int at, int stride) {
    for (int row = 0; row < counts[worker]; row++) {
      for (int i = 0; i < size(panel); i++) {
        into[at + row * stride + i] =
            loops.dot(rows[worker], row * inputs, weights, (first(panel) + i) * inputs, inputs);
      }
    }
  }

  @Override
  public void close() {}
}
