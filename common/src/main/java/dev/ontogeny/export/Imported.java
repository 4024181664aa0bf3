package dev.ontogeny.export;

import dev.ontogeny.type.Target;
import java.util.List;

/**
 * A dictionary out of a peer's files, and what these say of where it belongs.
 *
 * @param places of its sources: one, of a transcoder the one that is read and the one that is
 *     written, of a crosscoder as many as it has
 * @param scale of each source of the dictionary that it becomes; ones, but of a crosscoder, whose
 *     norms are compared between sources
 * @param replica null where the files do not say
 */
public record Imported(
    PlainDictionary dictionary, List<Place> places, float[] scale, Long replica) {
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
        replica);
  }
}
