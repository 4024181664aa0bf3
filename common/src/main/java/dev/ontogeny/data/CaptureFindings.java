package dev.ontogeny.data;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What a capture has that is allowed and yet often an accident. Counted while it is sharded, told
 * by whoever shows the dataset.
 *
 * @param documents how positions lie in documents
 * @param norms of sources with vectors far longer than most, or zero
 * @param identical sets of checkpoints of a site whose vectors are the same bit by bit
 * @param nearlyIdentical pairs of checkpoints that differ by no more than rounding
 * @param outOfOrder checkpoints that are nearer to the last one than to their neighbours
 * @param likelyBfloat16 sites whose float16 numbers look like bfloat16
 * @param constant sources whose vectors are all the same
 */
public record CaptureFindings(
    Documents documents,
    List<Norms> norms,
    List<Identical> identical,
    List<Pair> nearlyIdentical,
    List<OutOfOrder> outOfOrder,
    List<String> likelyBfloat16,
    List<Source> constant)
    implements Serializable {
  /** A norm beyond this multiple of the median is that of a sink. */
  public static final int SINK = 100;

  private static final int SHOWN = 5;

  /** What a manifest does not tell was not found. */
  public CaptureFindings {
    norms = norms == null ? List.of() : norms;
    identical = identical == null ? List.of() : identical;
    nearlyIdentical = nearlyIdentical == null ? List.of() : nearlyIdentical;
    outOfOrder = outOfOrder == null ? List.of() : outOfOrder;
    likelyBfloat16 = likelyBfloat16 == null ? List.of() : likelyBfloat16;
    constant = constant == null ? List.of() : constant;
  }

  /**
   * How positions lie in the documents that were looked at.
   *
   * @param documents of the capture, estimated where not all were looked at
   * @param sampled that were looked at, with all their tokens
   * @param notFromZero of these, whose first position is not 0
   * @param withGaps of these, that lack a position between their first and their last
   */
  public record Documents(long documents, long sampled, long notFromZero, long withGaps)
      implements Serializable {}

  /**
   * Norms of a source.
   *
   * @param median to an eighth of an octave
   * @param sinks rows beyond {@value #SINK} times the median
   * @param zeros rows without length
   */
  public record Norms(
      String site, long checkpoint, long rows, double median, long sinks, long zeros)
      implements Serializable {}

  /** Checkpoints of a site that are one. */
  public record Identical(String site, List<Long> checkpoints) implements Serializable {}

  /** Two checkpoints of a site; their distance is relative to the spread of both. */
  public record Pair(String site, long checkpoint, long other, double distance)
      implements Serializable {}

  /**
   * A checkpoint that is nearer to the last one than to its neighbours.
   *
   * @param toNeighbour the smaller distance to a neighbour
   */
  public record OutOfOrder(
      String site, long checkpoint, long last, double toLast, double toNeighbour)
      implements Serializable {}

  /** A site at a checkpoint. */
  public record Source(String site, long checkpoint) implements Serializable {
    @Override
    public String toString() {
      return site + " at " + checkpoint;
    }
  }

  /**
   * What a reader should know, with what can be done about it.
   *
   * @param name of the kind of finding
   * @param text a sentence or two
   */
  public record Note(String name, String text) {}

  /** Everything that is worth telling; usually nothing. */
  public List<Note> notes() {
    List<Note> notes = new ArrayList<>();
    for (Identical each : identical) {
      notes.add(
          new Note(
              "identical checkpoints",
              say(
                  "Checkpoints %s of %s are the same bit by bit: the weights that were captured under these steps are the same file. Look where they came from (public checkpoints are wrong in places), and leave all but one out with `checkpoints`.",
                  listed(each.checkpoints()), each.site())));
    }
    if (!nearlyIdentical.isEmpty()) {
      notes.add(
          new Note(
              "nearly identical checkpoints",
              say(
                  "These checkpoints differ by no more than rounding: %s. If training went on between them, the same weights were captured twice.",
                  listed(
                      nearlyIdentical.stream()
                          .map(
                              each ->
                                  say(
                                      "%d and %d of %s (%.2g %%)",
                                      each.checkpoint(),
                                      each.other(),
                                      each.site(),
                                      100 * each.distance()))
                          .toList()))));
    }
    for (OutOfOrder each : outOfOrder) {
      notes.add(
          new Note(
              "checkpoints out of order",
              say(
                  "Checkpoint %d of %s is nearer to the last one, %d, than to its neighbours (%.2g against %.2g): it may be a later state under an earlier name.",
                  each.checkpoint(), each.site(), each.last(), each.toLast(), each.toNeighbour())));
    }
    if (!likelyBfloat16.isEmpty()) {
      notes.add(
          new Note(
              "bfloat16 read as float16",
              say(
                  "The float16 numbers of %s look like bfloat16: nearly all would lie between 1/4 and 6. If they are the bits of bfloat16, everything here is wrong: set binary-type = bfloat16 and shard again.",
                  listed(likelyBfloat16))));
    }
    if (!constant.isEmpty()) {
      notes.add(
          new Note(
              "nothing varies",
              say(
                  "Nothing varies in %s (a layer that starts at zero does so): there is nothing to learn there, and train leaves it out.",
                  listed(constant))));
    }
    norms(notes);
    documents(notes);
    return notes;
  }

  private void norms(List<Note> notes) {
    long sinks = norms.stream().mapToLong(Norms::sinks).sum();
    if (sinks > 0) {
      Norms worst =
          norms.stream()
              .max((a, b) -> Double.compare(share(a.sinks(), a), share(b.sinks(), b)))
              .orElseThrow();
      notes.add(
          new Note(
              "sinks",
              say(
                  "%,d vectors are more than %d times as long as the median of their source (most often at %s, checkpoint %d: %.2g %% of its rows): attention sinks, such as first tokens and separators. A dictionary spends latents on them and FVU is mostly theirs. Leave them out with maximum-norm-ratio (by norm, wherever they stand), skip-first-tokens (by place) or drop-token-ids (by token).",
                  sinks,
                  SINK,
                  worst.site(),
                  worst.checkpoint(),
                  100 * share(worst.sinks(), worst))));
    }
    long zeros = norms.stream().mapToLong(Norms::zeros).sum();
    List<Norms> withZeros =
        norms.stream().filter(each -> each.zeros() > 0 && each.zeros() < each.rows()).toList();
    if (zeros > 0 && !withZeros.isEmpty()) {
      Norms worst =
          withZeros.stream()
              .max((a, b) -> Double.compare(share(a.zeros(), a), share(b.zeros(), b)))
              .orElseThrow();
      notes.add(
          new Note(
              "zero vectors",
              say(
                  "%,d vectors are zero, most often at %s, checkpoint %d (%.2g %% of its rows): padding that was captured, or a part of the model that was off. minimum-norm-ratio leaves such tokens out.",
                  withZeros.stream().mapToLong(Norms::zeros).sum(),
                  worst.site(),
                  worst.checkpoint(),
                  100 * share(worst.zeros(), worst))));
    }
  }

  private void documents(List<Note> notes) {
    if (documents.notFromZero() > 0) {
      notes.add(
          new Note(
              "positions",
              say(
                  "%s do not begin at position 0: positions count padding on the left, or first tokens were not captured. skip-first-positions goes by these numbers; skip-first-tokens by the place among the tokens that are there.",
                  ofDocuments(documents.notFromZero()))));
    }
    if (documents.withGaps() > 0) {
      notes.add(
          new Note(
              "holes",
              say(
                  "%s lack positions between their first and their last, at every site and checkpoint: contexts around examples have holes there.",
                  ofDocuments(documents.withGaps()))));
    }
  }

  private String ofDocuments(long count) {
    return documents.sampled() == documents.documents()
        ? say("%,d of %,d documents", count, documents.documents())
        : say(
            "%,d of %,d documents that were looked at (of about %,d)",
            count, documents.sampled(), documents.documents());
  }

  private static double share(long count, Norms of) {
    return (double) count / Math.max(1, of.rows());
  }

  private static String listed(List<?> all) {
    String shown = all.stream().limit(SHOWN).map(String::valueOf).collect(Collectors.joining(", "));
    return all.size() > SHOWN ? shown + ", … (" + all.size() + ")" : shown;
  }

  @com.google.errorprone.annotations.FormatMethod
  private static String say(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
