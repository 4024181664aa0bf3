package dev.ontogeny.kernel.cpu;

/** A product in bf16 on any processor: numbers are rounded, then multiplied in fp32. */
final class RoundingProduct extends EncoderProduct {
  private final EncoderProduct product;

  private RoundingProduct(EncoderProduct product) {
    super(product.inputs, product.width, product.blockRows);
    this.product = product;
  }

  static Factory factory(Loops loops) {
    Factory plain = JavaProduct.factory(loops);
    return new Factory() {
      @Override
      public String name() {
        return "rounded to bf16";
      }

      @Override
      public EncoderProduct create(int inputs, int width, int blockRows, int workers) {
        return new RoundingProduct(plain.create(inputs, width, blockRows, workers));
      }
    };
  }

  private static float[] rounded(float[] values) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      int bits = Float.floatToRawIntBits(values[i]);
      rounded[i] = Float.intBitsToFloat((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
    }
    return rounded;
  }

  @Override
  void pack(int worker, int panel, float[] encoder) {
    product.pack(worker, panel, rounded(encoder));
  }

  @Override
  void load(int worker, float[] rows, int at, int count) {
    product.load(worker, rounded(rows), at, count);
  }

  @Override
  void multiply(int worker, int panel, float[] into, int at, int stride) {
    product.multiply(worker, panel, into, at, stride);
  }

  @Override
  public void close() {
    product.close();
  }
}
