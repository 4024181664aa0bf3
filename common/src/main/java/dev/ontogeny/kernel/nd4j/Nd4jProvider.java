package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.NearestRows;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Selection;
import java.util.Arrays;
import java.util.List;
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

  /**
   * Bytes of one dictionary while it is trained, on the device: all that is as long as a batch is
   * dense there. Beside it, in Java's heap, a batch and, while a state is saved, that state.
   */
  public static long memory(TrainingSpecification of, TrainingSize size) {
    long width = of.width();
    long batch = size.maximumBatch();
    int parts = parts(of, size);
    int prefixes = prefixes(of);
    // Values, gradient, two means, room for one more.
    long copies = of.optimiser().averageDecay() > 0 ? 6 : 5;
    long floats = copies * width * (size.read() + size.reconstructed());
    // Pre-activations, mask, code, what counts of it, its gradient; ties beside.
    long planes = 5 + 2;
    if (of.type().selection() instanceof Selection.LargestOfBatch) {
      planes += 3;
    }
    if (of.type().selection() instanceof Selection.AboveThreshold) {
      planes += parts;
    }
    if (of.type().codePenalty().isPresent()) {
      planes += 3L * parts;
    }
    floats += planes * batch * width;
    // Centred rows, those of the next batch, and residuals; of each prefix, the further code and
    // the
    // auxiliary one a residual.
    floats += batch * (2L * size.read() + (4L + prefixes) * size.reconstructed());
    return 4 * floats;
  }

  /**
   * Floating-point operations for a row, all of them dense: the product with the encoder; of each
   * prefix and of a further code its reconstruction, the gradient of the decoder and that of the
   * code; of each part of a code the gradient of the encoder.
   */
  public static double operationsPerRow(TrainingSpecification of, TrainingSize size) {
    int further = of.type().furtherCode().isPresent() ? 1 : 0;
    double read = (1.0 + parts(of, size) + further) * size.read();
    double written = 3.0 * (prefixes(of) + further) * size.reconstructed();
    return 2 * of.width() * (read + written);
  }

  /** What counts or not as a whole: all of a code, or what it is at each source. */
  private static int parts(TrainingSpecification of, TrainingSize size) {
    return of.type().type(size.sources()).activation().bySource() ? size.sources() : 1;
  }

  private static int prefixes(TrainingSpecification of) {
    return Math.max(1, of.type().reconstruction(of.width()).planes());
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

  /**
   * Puts the work of this thread on a GPU.
   *
   * @param visible what {@code CUDA_VISIBLE_DEVICES} says; null for nothing
   * @throws Failure of settings where ND4J has no CUDA, or no such GPU
   */
  public static void useDevice(String address, String visible) {
    if (!onCuda()) {
      throw Failure.settings(
          "GPU %s was given to this task, and ND4J here has no CUDA backend with a device (it runs by %s): build the jar with -Pcuda, or leave the GPUs out",
          address, Nd4j.getBackend().getClass().getSimpleName());
    }
    int number = number(address, visible);
    int there = Nd4j.getAffinityManager().getNumberOfDevices();
    if (number >= there) {
      throw Failure.settings(
          "GPU %s was given to this task, and CUDA has %d devices here", address, there);
    }
    Nd4j.getAffinityManager().unsafeSetDevice(number);
  }

  /**
   * The number that CUDA gives a GPU in this process: its place among those that are visible.
   *
   * @param address a number, or an identifier as {@code nvidia-smi -L} lists it
   */
  public static int number(String address, String visible) {
    List<String> listed = visible == null ? List.of() : List.of(visible.strip().split("\\s*,\\s*"));
    if (listed.contains(address)) {
      return listed.indexOf(address);
    } else if (address.matches("\\d{1,4}") && visible == null) {
      return Integer.parseInt(address);
    }
    throw Failure.settings(
        "GPU %s was given to this task, and CUDA_VISIBLE_DEVICES does not list it (%s)",
        address, visible == null ? "it is not set" : visible);
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
    if (onCuda()) {
      int device = Nd4j.getAffinityManager().getDeviceForCurrentThread();
      TrainingSize size =
          new TrainingSize(
              initial.readColumns(),
              initial.reconstructedColumns(),
              initial.reconstructedSources().size(),
              maximumBatch,
              threads);
      require(
          specification,
          size,
          NativeOpsHolder.getInstance().getDeviceNativeOps().getDeviceTotalMemory(device));
    }
    return new Nd4jTraining(specification, initial);
  }

  /**
   * Refuses what no device of that size can hold. What is free of it ND4J does not tell: it keeps
   * what it has had.
   *
   * @param device its bytes
   */
  static void require(TrainingSpecification of, TrainingSize size, long device) {
    long needed = memory(of, size);
    if (needed > device) {
      throw Failure.resources(
          "a dictionary of width %,d over %,d columns takes %,d bytes of a GPU in batches of %,d, and this one has %,d: take a smaller batch or width, or a larger GPU",
          of.width(), size.inputs(), needed, size.maximumBatch(), device);
    }
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
