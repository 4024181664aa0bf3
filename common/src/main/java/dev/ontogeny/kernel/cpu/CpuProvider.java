package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;

/**
 * Dense where it must be, sparse everywhere else: the encoder's product by a native library,
 * selection by group maxima, decoding and all gradients over active latents only, Adam in one pass.
 */
public final class CpuProvider implements KernelProvider {
  private final CpuMachine machine;

  public CpuProvider(CpuMachine machine) {
    this.machine = machine;
  }

  /**
   * Bytes of one dictionary while it is trained, on the heap and beside it, with the auxiliary loss
   * at work and a state being saved.
   */
  public static long memory(TrainingSpecification of, TrainingSize size) {
    int width = of.width();
    int batch = size.maximumBatch();
    double active = of.activePerRow();
    int copies = of.optimiser().averageDecay() > 0 ? 4 : 3;
    // Both matrices with their means and a gradient each, the packed encoder, the saved state.
    long floats = (2L * copies + 1) * width * (size.read() + size.reconstructed());
    floats += (long) width * size.read();
    floats += (3L + of.type().reconstruction(width).planes()) * batch * size.inputs();
    floats += (long) (7.0 * batch * (active + of.auxiliaryK()));
    if (of.type().type(size.sources()).activation().bySource()) {
      // A gradient for each source.
      floats += (long) ((double) batch * size.sources() * active);
    }
    floats += (long) size.threads() * (128L * Math.max(width, 8192) + 2L * 512 * size.inputs());
    if (of.type().selection().k() == 0) {
      // For batches that are not sparse: both forms of the decoder, packed and not, both gradients'
      // rows likewise, and blocks of them for each thread.
      floats += 4L * width * size.reconstructed() + 4L * batch * size.inputs();
      floats += (long) size.threads() * 3L * 512 * (Math.max(width, batch) + size.inputs());
    }
    return 4 * floats;
  }

  @Override
  public String name() {
    return machine.name();
  }

  @Override
  public EncodingKernel encoding(Dictionary dictionary, int maximumBatch) {
    return new CpuEncoding(machine, dictionary, maximumBatch);
  }

  @Override
  public TrainingKernel training(
      TrainingSpecification specification, Dictionary initial, int maximumBatch) {
    return new CpuTraining(machine, specification, initial, maximumBatch);
  }

  @Override
  public void nearest(FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    CpuNearest.find(machine, vectors, from, to, index, cosine);
  }

  @Override
  public ProductKernel products(FloatMatrix kept) {
    return new CpuProducts(machine, kept);
  }
}
