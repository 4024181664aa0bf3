package dev.ontogeny.train;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.type.Target;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One dictionary to be trained.
 *
 * @param id {@code <family>-r<replica>-c<checkpoint>}, without checkpoint for a crosscoder
 * @param series {@code <family>-r<replica>} in a chain and for a crosscoder, null otherwise
 * @param seriesIndex place of the checkpoint within the plan
 * @param parent the dictionary whose weights it starts from, null for none
 * @param parentLink of a crosscoder that starts from the weights that it had over fewer sources, in
 *     another publication: the link that it had there; null for all others
 * @param sources what stands side by side in the rows of a batch; several for a crosscoder, two for
 *     a transcoder
 * @param target which of them it reads and which it reconstructs
 * @param weighting of the sources in its loss
 * @param steps how many; by rounds, of each worker
 * @param batch rows of a step; by rounds, of each worker
 * @param seed of its randomness
 * @param rounds in which several workers train it; null for one stream
 * @param link hash of everything that decides its bytes, its parent's included
 */
public record DictionaryPlan(
    String id,
    String family,
    int replica,
    String series,
    int seriesIndex,
    String parent,
    String parentLink,
    List<Source> sources,
    @JsonIgnore Target target,
    Weighting weighting,
    TrainingSpecification specification,
    Schedule schedule,
    long steps,
    int batch,
    long seed,
    Rounds rounds,
    String link)
    implements Serializable {
  public DictionaryPlan {
    sources = List.copyOf(sources);
  }

  /** One stream. */
  public DictionaryPlan(
      String id,
      String family,
      int replica,
      String series,
      int seriesIndex,
      String parent,
      String parentLink,
      List<Source> sources,
      Target target,
      Weighting weighting,
      TrainingSpecification specification,
      Schedule schedule,
      long steps,
      int batch,
      long seed,
      String link) {
    this(
        id,
        family,
        replica,
        series,
        seriesIndex,
        parent,
        parentLink,
        sources,
        target,
        weighting,
        specification,
        schedule,
        steps,
        batch,
        seed,
        null,
        link);
  }

  /** Columns that its encoder reads. */
  public int readColumns() {
    return target.read(sources).stream().mapToInt(Source::width).sum();
  }

  /** Columns that its decoder writes. */
  public int reconstructedColumns() {
    return target.reconstructed(sources).stream().mapToInt(Source::width).sum();
  }

  /** How many sources it reconstructs. */
  public int reconstructed() {
    return target.reconstructed(sources.size()).size();
  }

  /** The same plan, linked. */
  public DictionaryPlan linked(String link) {
    return with(specification, link);
  }

  /** The same plan with what {@link #weighting} came to. */
  public DictionaryPlan withSourceWeights(List<Double> weights) {
    return with(specification.withSourceWeights(weights), link);
  }

  /**
   * The same crosscoder over these sources, not linked yet.
   *
   * @param had its link over fewer of them, with whose weights it starts; null for none
   */
  public DictionaryPlan over(List<Source> these, String had, Schedule itsSchedule, long itsSteps) {
    return new DictionaryPlan(
        id,
        family,
        replica,
        series,
        seriesIndex,
        had == null ? null : id,
        had,
        these,
        target,
        weighting,
        specification,
        itsSchedule,
        itsSteps,
        batch,
        seed,
        rounds,
        null);
  }

  private DictionaryPlan with(TrainingSpecification specification, String link) {
    return new DictionaryPlan(
        id,
        family,
        replica,
        series,
        seriesIndex,
        parent,
        parentLink,
        sources,
        target,
        weighting,
        specification,
        schedule,
        steps,
        batch,
        seed,
        rounds,
        link);
  }

  /** How it is trained, as {@code dictionary.json} states it. */
  public Map<String, Object> settings() {
    Map<String, Object> settings =
        new TreeMap<>(
            Map.of(
                "specification",
                specification,
                "schedule",
                schedule,
                "batch",
                batch,
                "steps",
                steps));
    if (rounds != null) {
      settings.put("rounds", rounds);
    }
    return settings;
  }

  /** Rows it is stepped on, by all workers together. */
  public long tokens() {
    return steps * batch * workers();
  }

  /** How many train it, each with a stream of its own. */
  public int workers() {
    return rounds == null ? 1 : rounds.workers();
  }
}
