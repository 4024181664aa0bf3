package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;

/** Plain Java loops with sums in double precision: the twin that every fast kernel is held to. */
final class ReferenceProvider implements KernelProvider {
  @Override
  public String name() {
    return "reference (plain Java, one thread)";
  }

  @Override
  public EncodingKernel encoding(Dictionary dictionary, int maximumBatch) {
    return new ReferenceEncoding(dictionary);
  }

  @Override
  public TrainingKernel training(TopKTraining specification, Dictionary initial, int maximumBatch) {
    return new ReferenceTraining(specification, initial);
  }
}
