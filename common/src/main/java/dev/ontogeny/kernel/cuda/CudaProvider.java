package dev.ontogeny.kernel.cuda;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.NearestRows;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;

/**
 * Kernels of ours and cuBLASLt on a GPU of compute capability 8.0 or later: dense products in bf16
 * with sums in fp32, all that follows from them decided in fp32, so that what is selected is what
 * fp32 would select. It encodes with every kind of dictionary and trains every kind.
 */
public final class CudaProvider implements KernelProvider {
  private final CudaDevice device;

  /**
   * On a device of this machine.
   *
   * @param number as CUDA counts them
   * @throws dev.ontogeny.run.Failure of settings that says what is not there
   */
  public CudaProvider(int number) {
    this(CudaDevice.of(CudaLibraries.ofThisMachine(), number));
  }

  CudaProvider(CudaDevice device) {
    this.device = device;
  }

  /** Bytes of one dictionary while it is trained, on the device. */
  public static long memory(TrainingSpecification specification, TrainingSize size) {
    return CudaTraining.memory(specification, size);
  }

  @Override
  public String name() {
    return "cuda (" + device.name() + "; products in bf16, decided in fp32)";
  }

  @Override
  public EncodingKernel encoding(Dictionary dictionary, int maximumBatch) {
    return new CudaEncoding(device, dictionary, maximumBatch);
  }

  @Override
  public TrainingKernel training(
      TrainingSpecification specification, Dictionary initial, int maximumBatch) {
    return new CudaTraining(device, specification, initial, maximumBatch);
  }

  @Override
  public void nearest(FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    NearestRows nearest = new NearestRows(vectors, from, to, index, cosine);
    FloatMatrix units = new FloatMatrix(vectors.rows(), vectors.columns(), nearest.units());
    try (CudaProducts products = new CudaProducts(device, units)) {
      products.blocks(
          units,
          from,
          to,
          (first, count, values) -> {
            for (int row = 0; row < count; row++) {
              nearest.offer(first + row, 0, vectors.rows(), values, row * vectors.rows());
            }
          });
    }
  }

  @Override
  public ProductKernel products(FloatMatrix kept) {
    return new CudaProducts(device, kept);
  }
}
