package dev.ontogeny.dictionary;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.FormatVersion;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.Target;
import java.io.Serializable;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * What {@code dictionary.json} says: everything about a dictionary but its tensors.
 *
 * @param id {@code <family>-r<replica>-c<checkpoint>}
 * @param family what replicas of one plan entry share over all checkpoints
 * @param sources what it reads and reconstructs, in the order of the tensors' columns
 * @param series {@code <family>-r<replica>} for a chain, null for independent dictionaries
 * @param seriesIndex place of the checkpoint within the plan, from 0
 * @param parent the dictionary whose weights this one started from, null for none
 * @param parentLink of a crosscoder that started from the weights that it had over fewer sources,
 *     in another publication: the link that it had there; absent for all others
 * @param link hash of everything that decided its bytes, its parent's included: equal links are
 *     equal dictionaries, whatever folder they are published in
 */
@FormatVersion(DictionaryMetadata.VERSION)
public record DictionaryMetadata(
    int version,
    String id,
    String family,
    DictionaryType type,
    Target target,
    int width,
    int k,
    List<Source> sources,
    long seed,
    int replica,
    @JsonInclude(JsonInclude.Include.ALWAYS) String series,
    int seriesIndex,
    @JsonInclude(JsonInclude.Include.ALWAYS) String parent,
    String parentLink,
    String link,
    String rule,
    Training training,
    Quality quality) {

  /** The version this build writes, of the description and of the tensors. */
  public static final int VERSION = 1;

  private static final Pattern NAME = Pattern.compile("(?!\\.{1,2}$)[^/\\\\\\p{Cntrl}]+");

  public DictionaryMetadata {
    if (id == null || !NAME.matcher(id).matches()) {
      throw new IllegalArgumentException("'id' should be the name of a folder, it is '" + id + "'");
    }
    if (type == null || training == null || quality == null) {
      throw new IllegalArgumentException("'type', 'training' or 'quality' is missing");
    }
    if (width < 1 || k < 0 || k > width || replica < 0 || seriesIndex < 0) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "'width' %d, 'k' %d, 'replica' %d or 'series_index' %d is out of its bounds",
              width,
              k,
              replica,
              seriesIndex));
    }
    if (sources == null || sources.isEmpty() || sources.stream().anyMatch(Objects::isNull)) {
      throw new IllegalArgumentException("'sources' names none");
    }
    sources = List.copyOf(sources);
    // Folders of others may leave it out.
    target = target == null ? Target.AUTOENCODER : target;
    if (target == Target.TRANSCODER && sources.size() != 2) {
      throw new IllegalArgumentException(
          "'target' is transcoder, which has two sources, 'sources' names " + sources.size());
    }
  }

  /** Which of the sources are read, by their numbers; null for all, which goes without saying. */
  @JsonProperty(value = "read", access = JsonProperty.Access.READ_ONLY)
  List<Integer> saysRead() {
    return target == Target.AUTOENCODER ? null : target.read(sources.size());
  }

  /** Which of the sources are reconstructed, likewise. */
  @JsonProperty(value = "reconstructed", access = JsonProperty.Access.READ_ONLY)
  List<Integer> saysReconstructed() {
    return target == Target.AUTOENCODER ? null : reconstructed();
  }

  /** The numbers of the sources that are reconstructed: those where its features are. */
  public List<Integer> reconstructed() {
    return target.reconstructed(sources.size());
  }

  /** Those sources. */
  public List<Source> reconstructedSources() {
    return target.reconstructed(sources);
  }

  /** Whether one code reconstructs several sources. */
  public boolean crosscoder() {
    return reconstructed().size() > 1;
  }

  /**
   * Latents that fire in a row, for plans of memory: k, or without one as many as fired on the
   * held-out rows in the mean.
   */
  public int codesPerRow() {
    return k > 0 ? k : (int) Math.ceil(quality.l0());
  }

  /**
   * How it was trained.
   *
   * @param tokens rows it was stepped on, parents' not included; 0 for one that was merged
   * @param settings its specification, or what it was merged out of and how
   */
  public record Training(long tokens, JsonNode settings) {}

  /**
   * On the held-out rows.
   *
   * @param fvu Σ‖x̃ − x̃̂‖² / Σ‖x̃ − mean(x̃)‖², over all sources that are reconstructed
   * @param l0 mean number of active latents, of those that count at some source
   * @param deadShare share of latents that fire on none of the rows
   * @param sourceFvu the same of each source, in their order; empty where there is one
   * @param sourceL0 latents that count at each source, likewise
   */
  public record Quality(
      double fvu,
      double l0,
      double deadShare,
      long rows,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Double> sourceFvu,
      @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Double> sourceL0)
      implements Serializable {
    public Quality {
      sourceFvu = sourceFvu == null ? List.of() : List.copyOf(sourceFvu);
      sourceL0 = sourceL0 == null ? List.of() : List.copyOf(sourceL0);
    }

    /** Of one source. */
    public Quality(double fvu, double l0, double deadShare, long rows) {
      this(fvu, l0, deadShare, rows, List.of(), List.of());
    }
  }
}
