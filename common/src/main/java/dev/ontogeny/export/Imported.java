package dev.ontogeny.export;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.type.Target;
import java.util.Arrays;
import java.util.List;

/**
 * A dictionary out of a peer's files, and what these say of where it belongs.
 *
 * @param places of its sources: one, of a transcoder the one that is read and the one that is
 *     written, of a crosscoder as many as it has
 * @param scale of each source of the dictionary that it becomes; ones, but of a crosscoder, whose
 *     norms are compared between sources
 * @param scaled whether the numbers of {@code dictionary} are those of inputs times scale, from
 *     which it subtracts nothing: they stay as they are then. Else they are of captured inputs
 * @param replica null where the files do not say
 */
public record Imported(
    PlainDictionary dictionary, List<Place> places, float[] scale, boolean scaled, Long replica) {
  public Imported {
    places = List.copyOf(places);
  }

  /**
   * A site of the network at a checkpoint.
   *
   * @param site null where the files do not say
   * @param checkpoint training step, likewise
   */
  public record Place(String site, Long checkpoint) {}

  /** Of a dictionary of one checkpoint, which may write to another site than it reads. */
  static Imported of(
      PlainDictionary dictionary, String site, String written, Long checkpoint, Long replica) {
    Place read = new Place(site, checkpoint);
    return new Imported(
        dictionary,
        dictionary.target() == Target.TRANSCODER
            ? List.of(read, new Place(written, checkpoint))
            : List.of(read),
        dictionary.target() == Target.TRANSCODER ? new float[] {1, 1} : new float[] {1},
        /* scaled= */ false,
        replica);
  }

  /**
   * As a dictionary of ours.
   *
   * @param sources what is read and written, as {@link Dictionary} has them
   */
  public Dictionary dictionary(List<Source> sources) {
    if (!scaled) {
      return dictionary.dictionary(sources, scale);
    }
    float[] ones = new float[scale.length];
    Arrays.fill(ones, 1);
    Dictionary ofScaled = dictionary.dictionary(sources, ones);
    return new Dictionary(
        ofScaled.type(),
        ofScaled.sources(),
        ofScaled.target(),
        ofScaled.k(),
        ofScaled.encoder(),
        ofScaled.encoderBias(),
        ofScaled.decoder(),
        ofScaled.decoderBias(),
        ofScaled.inputMean(),
        scale,
        ofScaled.further());
  }
}
