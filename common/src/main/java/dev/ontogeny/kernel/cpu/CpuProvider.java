package dev.ontogeny.kernel.cpu;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.TrainingKernel;
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
