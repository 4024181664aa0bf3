package dev.ontogeny.train;

import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.TrainingSpecification;
import java.io.Serializable;

/**
 * One dictionary to be trained.
 *
 * @param id {@code <family>-r<replica>-c<checkpoint>}
 * @param series {@code <family>-r<replica>} in a chain, null otherwise
 * @param seriesIndex place of the checkpoint within the plan
 * @param parent the dictionary whose weights it starts from, null for none
 * @param steps how many
 * @param batch rows of a step
 * @param seed of its randomness
 * @param link hash of everything that decides its bytes, its parent's included
 */
public record DictionaryPlan(
    String id,
    String family,
    int replica,
    String series,
    int seriesIndex,
    String parent,
    Source source,
    TrainingSpecification specification,
    Schedule schedule,
    long steps,
    int batch,
    long seed,
    String link)
    implements Serializable {

  /** Rows it is stepped on. */
  public long tokens() {
    return steps * batch;
  }
}
