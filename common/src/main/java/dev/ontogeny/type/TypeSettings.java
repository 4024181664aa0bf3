package dev.ontogeny.type;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The settings of a dictionary of some type, a record whose components are the type's keys, and the
 * parts of a training step that they come to. A step is product → selection → reconstructions →
 * losses → gradients → optimiser → norms; a provider that lacks a part says so by its name.
 */
public interface TypeSettings extends Serializable {
  /** Whose settings these are. */
  @JsonProperty
  DictionaryType type();

  /** What a dictionary that reconstructs so many sources is published as. */
  default DictionaryType type(int sources) {
    return type();
  }

  /** Which latents fire. */
  Selection selection();

  /**
   * What the code of a dictionary of that width reconstructs.
   *
   * @throws dev.ontogeny.run.Problems.Found where the settings do not fit the width
   */
  default Reconstruction reconstruction(int width) {
    return new Reconstruction.Whole();
  }

  /** What dictionaries can reconstruct; each of them has one of these. */
  default List<Target> targets() {
    return List.of(Target.AUTOENCODER);
  }

  /** A further code that reconstructs as well. */
  default Optional<FurtherCode> furtherCode() {
    return Optional.empty();
  }

  /** What the loss says about the codes beside. */
  default Optional<Penalty> codePenalty() {
    return Optional.empty();
  }

  /** What holds for the rows of W_dec after a step. */
  default Norms norms() {
    return Norms.UNIT;
  }

  /** Whether dead latents reconstruct what the living leave over. */
  default boolean auxiliary() {
    return true;
  }

  /**
   * After each so many tokens dead latents start again in the directions of inputs that are
   * reconstructed badly; 0 for never.
   */
  default long resampledAfter() {
    return 0;
  }

  /** Whether rows of W_dec keep unit norm in a dictionary that reconstructs so many sources. */
  default boolean unitDecoder(int sources) {
    return norms() == Norms.UNIT || (norms() == Norms.UNIT_ALONE && sources == 1);
  }

  /**
   * All parts for that width but the target, which a dictionary says itself, for providers that do
   * not have every one.
   */
  default List<StepPart> parts(int width) {
    List<StepPart> parts = new ArrayList<>(List.of(selection(), reconstruction(width)));
    furtherCode().ifPresent(parts::add);
    codePenalty().ifPresent(parts::add);
    return parts;
  }
}
