package dev.ontogeny.kernel;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Several providers, fastest first: dictionaries are trained by the first that has all parts. */
final class FirstThatCan implements KernelProvider {
  private static final Logger LOG = LoggerFactory.getLogger(FirstThatCan.class);

  private final List<KernelProvider> providers;

  FirstThatCan(List<KernelProvider> providers) {
    this.providers = List.copyOf(providers);
  }

  private KernelProvider first() {
    return providers.get(0);
  }

  @Override
  public String name() {
    return providers.stream().map(KernelProvider::name).collect(Collectors.joining(", else "));
  }

  @Override
  public Optional<String> lacks(TrainingSpecification specification) {
    return providers.get(providers.size() - 1).lacks(specification);
  }

  @Override
  public EncodingKernel encoding(Dictionary dictionary, int maximumBatch) {
    return first().encoding(dictionary, maximumBatch);
  }

  @Override
  public TrainingKernel training(
      TrainingSpecification specification, Dictionary initial, int maximumBatch) {
    for (KernelProvider provider : providers) {
      Optional<String> missing = provider.lacks(specification);
      if (missing.isEmpty()) {
        return provider.training(specification, initial, maximumBatch);
      }
      LOG.info("{} lacks {}: not it", provider.name(), missing.get());
    }
    throw Failure.settings(
        "no kernel here has all parts of type %s: %s", specification.type().type(), name());
  }

  @Override
  public void nearest(FloatMatrix vectors, int from, int to, int[] index, float[] cosine) {
    first().nearest(vectors, from, to, index, cosine);
  }

  @Override
  public ProductKernel products(FloatMatrix kept) {
    return first().products(kept);
  }
}
