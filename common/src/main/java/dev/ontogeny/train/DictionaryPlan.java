package dev.ontogeny.train;

import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.TrainingSpecification;
import java.io.Serializable;
import java.util.List;

/**
 * One dictionary to be trained.
 *
 * @param id {@code <family>-r<replica>-c<checkpoint>}, without checkpoint for a crosscoder
 * @param series {@code <family>-r<replica>} in a chain and for a crosscoder, null otherwise
 * @param seriesIndex place of the checkpoint within the plan
 * @param parent the dictionary whose weights it starts from, null for none
 * @param sources what it reads; several for a crosscoder
 * @param weighting of the sources in its loss
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
    List<Source> sources,
    Weighting weighting,
    TrainingSpecification specification,
    Schedule schedule,
    long steps,
    int batch,
    long seed,
    String link)
    implements Serializable {
  public DictionaryPlan {
    sources = List.copyOf(sources);
  }

  /** D, columns of its rows. */
  public int inputs() {
    return sources.stream().mapToInt(Source::width).sum();
  }

  /** The same plan, linked. */
  public DictionaryPlan linked(String link) {
    return with(specification, link);
  }

  /** The same plan with what {@link #weighting} came to. */
  public DictionaryPlan withSourceWeights(List<Double> weights) {
    return with(specification.withSourceWeights(weights), link);
  }

  private DictionaryPlan with(TrainingSpecification specification, String link) {
    return new DictionaryPlan(
        id,
        family,
        replica,
        series,
        seriesIndex,
        parent,
        sources,
        weighting,
        specification,
        schedule,
        steps,
        batch,
        seed,
        link);
  }

  /** Rows it is stepped on. */
  public long tokens() {
    return steps * batch;
  }
}
