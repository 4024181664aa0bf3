package dev.ontogeny.dictionary;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.type.DictionaryType;
import java.io.Serializable;
import java.util.List;

/**
 * What {@code dictionary.json} says: everything about a dictionary but its tensors.
 *
 * @param id {@code <family>-r<replica>-c<checkpoint>}
 * @param family what replicas of one plan entry share over all checkpoints
 * @param series {@code <family>-r<replica>} for a chain, null for independent dictionaries
 * @param seriesIndex place of the checkpoint within the plan, from 0
 * @param parent the dictionary whose weights this one started from, null for none
 * @param link hash of everything that decided its bytes, its parent's included: equal links are
 *     equal dictionaries, whatever folder they are published in
 */
public record DictionaryMetadata(
    int version,
    String id,
    String family,
    DictionaryType type,
    String target,
    int width,
    int k,
    List<Source> sources,
    long seed,
    int replica,
    @JsonInclude(JsonInclude.Include.ALWAYS) String series,
    int seriesIndex,
    @JsonInclude(JsonInclude.Include.ALWAYS) String parent,
    String link,
    String rule,
    Training training,
    Quality quality) {

  /** The version this build writes. */
  public static final int VERSION = 1;

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
   * @param tokens rows it was stepped on, parents' not included
   * @param settings its specification
   */
  public record Training(long tokens, JsonNode settings) {}

  /**
   * On the held-out rows.
   *
   * @param fvu Σ‖x̃ − x̃̂‖² / Σ‖x̃ − mean(x̃)‖², over all sources
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
