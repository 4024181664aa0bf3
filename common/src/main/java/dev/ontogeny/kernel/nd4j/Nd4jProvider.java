package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.NearestRows;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;
import java.util.Objects;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

/**
 * Every part as ND4J operations on arrays that stay on the device: one code for ND4J's CPU and CUDA
 * backends. Products are written in {@code f} order into arrays that are allocated once. On a CPU
 * it is a slow twin; on a GPU the passes over whole matrices that it makes are bound by memory and
 * cheap.
 */
public final class Nd4jProvider implements KernelProvider {
  private static final String CUDA = "org.nd4j.linalg.jcublas.JCublasBackend";

  private final int threads;

  public Nd4jProvider(int threads) {
    this.threads = threads;
  }

  /** Whether ND4J's CUDA backend is on the class path and has a device. */
  public static boolean onCuda() {
    try {
      Class.forName(CUDA, false, Nd4jProvider.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      return false;
    }
    return Nd4j.getBackend().getClass().getName().equals(CUDA);
  }

  @Override
  public String name() {
    return "nd4j (" + Nd4j.getBackend().getClass().getSimpleName() + " fp32)";
  }

  /** Of the thread that makes a kernel and steps it. */
  private void useThreads() {
    // The holder of native operations fails for good if it is asked before ND4J itself is up.
    Objects.requireNonNull(Nd4j.getBackend(), "ND4J has no backend");
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(threads);
  }

  @Override
  public EncodingKernel encoding(Dictionary dictionary, int maximumBatch) {
    useThreads();
    return new Nd4jEncoding(dictionary);
  }

  @Override
  public TrainingKernel training(
      TrainingSpecification specification, Dictionary initial, int maximumBatch) {
    useThreads();
    return new Nd4jTraining(specification, initial);
  }

  @Override
  public void nearest(FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    useThreads();
    int depth = vectors.columns();
    int block = 256;
    NearestRows nearest = new NearestRows(vectors, from, to, index, cosine);
    try (INDArray all = DeviceMatrix.of(new FloatMatrix(vectors.rows(), depth, nearest.units()))) {
      for (int first = from; first < to; first += block) {
        int rows = Math.min(block, to - first);
        float[] some = Arrays.copyOfRange(nearest.units(), first * depth, (first + rows) * depth);
        try (INDArray batch = DeviceMatrix.of(new FloatMatrix(rows, depth, some));
            INDArray products = DeviceMatrix.allocate(rows, vectors.rows())) {
          Nd4j.gemm(batch, all, products, false, true, 1, 0);
          float[] values = DeviceMatrix.values(products);
          for (int row = 0; row < rows; row++) {
            nearest.offer(first + row, 0, vectors.rows(), values, row * vectors.rows());
          }
        }
      }
    }
  }

  @Override
  public ProductKernel products(FloatMatrix kept) {
    useThreads();
    return new Nd4jProducts(kept);
  }
}
