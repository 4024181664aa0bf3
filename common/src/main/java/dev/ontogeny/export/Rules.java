package dev.ontogeny.export;

import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Activation;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.DictionaryTypes;
import dev.ontogeny.type.Target;
import java.util.Locale;

/** The rules that peers share, and why they cannot say others. */
final class Rules {
  /** What comes in with thresholds, whatever it was trained as. */
  static final DictionaryType ABOVE_THRESHOLD = DictionaryTypes.of("jump-relu");

  /** What comes in with thresholds that each source compares with by itself. */
  static final DictionaryType ABOVE_THRESHOLD_BY_SOURCE =
      DictionaryTypes.of("jump-relu-per-source");

  /** What comes in with one threshold that a batch decided. */
  static final DictionaryType OF_BATCH = DictionaryTypes.of("batch-top-k");

  /** What comes in with a k of the row. */
  static final DictionaryType LARGEST_OF_ROW = DictionaryTypes.of("top-k");

  /** What comes in with neither. */
  static final DictionaryType POSITIVE = DictionaryTypes.of("relu");

  private Rules() {}

  /** Why a format of dictionaries over one source cannot say this one; null if it can. */
  static String refusesCrosscoder(String format, DictionaryMetadata dictionary) {
    return dictionary.crosscoder()
        ? String.format(
            Locale.ROOT,
            "%s has no crosscoders, and %s has %d sources: set crosscoders = slices for a dictionary of each source alone, or take a format that has them",
            format,
            dictionary.id(),
            dictionary.sources().size())
        : null;
  }

  /** Why a format of autoencoders cannot say this one; null if it can. */
  static String refusesTranscoder(String format, DictionaryMetadata dictionary) {
    return dictionary.target() == Target.TRANSCODER
        ? String.format(
            Locale.ROOT,
            "%s has no transcoders, and %s reads %s and writes %s",
            format,
            dictionary.id(),
            dictionary.sources().get(0).site(),
            dictionary.sources().get(1).site())
        : null;
  }

  /** Why a format cannot say this rule. */
  static String refusesType(String format, DictionaryMetadata dictionary, String known) {
    return String.format(
        Locale.ROOT,
        "%s knows %s, and %s is of type %s (%s)",
        format,
        known,
        dictionary.id(),
        dictionary.type(),
        dictionary.type().activation().code());
  }

  /**
   * Fails where a threshold is negative: peers zero what is not positive before they compare.
   *
   * @param threshold [F], or empty
   */
  static void requirePeersThresholds(String format, Origin origin, float[] threshold) {
    for (int latent = 0; latent < threshold.length; latent++) {
      if (!(threshold[latent] >= 0)) {
        throw Failure.data(
            "%s sets negative pre-activations to zero, and latent %d of %s lets them pass: its threshold is %s",
            format, latent, origin.id(), threshold[latent]);
      }
    }
  }

  /** A peer's thresholds as ours: what lets all positive pass lets nothing else pass. */
  static float[] ourThresholds(float[] threshold) {
    float[] ours = new float[threshold.length];
    for (int latent = 0; latent < ours.length; latent++) {
      ours[latent] = Math.max(threshold[latent], 0);
    }
    return ours;
  }

  /** Whether a code follows from thresholds that all sources share. */
  static boolean comparesWithThreshold(DictionaryType type) {
    return type.activation() == Activation.ABOVE_THRESHOLD;
  }
}
