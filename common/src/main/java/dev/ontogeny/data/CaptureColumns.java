package dev.ontogeny.data;

import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Problems;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What a capture calls its columns.
 *
 * @param document text or whole number that names the document
 * @param position of the token within its document, a whole number
 * @param site where in the network, a text; a column or a Hive partition
 * @param checkpoint training step, a whole number or a text that holds one; a column or a Hive
 *     partition
 * @param checkpointPattern a regular expression for texts that name a checkpoint; its first group
 *     that matches is the number
 * @param activation the vector
 * @param tokenId whole number, may be absent from the capture
 * @param token text, may be absent
 * @param loss number, may be absent
 * @param gradient a vector as the activation, may be absent
 * @param labelPrefix columns that begin with it are labels and are kept
 */
public record CaptureColumns(
    String document,
    String position,
    String site,
    String checkpoint,
    String checkpointPattern,
    String activation,
    @Nullable String tokenId,
    @Nullable String token,
    @Nullable String loss,
    @Nullable String gradient,
    String labelPrefix)
    implements Serializable {
  private static final Map<String, Pattern> PATTERNS = new ConcurrentHashMap<>();

  /** As {@code conf/jobs/shard.conf} has it. */
  static final String CHECKPOINT_PATTERN =
      "(-?\\d+)|(?i:.*?(?:step|checkpoint|ckpt|iter)[-_=]?(\\d+)(?:[-_].*)?)";

  public CaptureColumns {
    List<String> required = List.of(document, position, site, checkpoint, activation);
    new Problems()
        .check(
            required.stream().distinct().count() == required.size(),
            "document, position, site, checkpoint, activation",
            "must be five different columns, got %s",
            required)
        .check(!labelPrefix.isEmpty(), "label-prefix", "must not be empty")
        .check(
            groups(checkpointPattern) > 0,
            "checkpoint-pattern",
            "must be a regular expression with a group for the number, got %s",
            checkpointPattern)
        .raise();
  }

  private static int groups(String pattern) {
    try {
      return pattern(pattern).matcher("").groupCount();
    } catch (PatternSyntaxException wrong) {
      return 0;
    }
  }

  private static Pattern pattern(String text) {
    return PATTERNS.computeIfAbsent(text, Pattern::compile);
  }

  /** The number in a text that names a checkpoint; null if the pattern finds none. */
  public Long checkpointIn(String text) {
    Matcher matcher = pattern(checkpointPattern).matcher(text);
    if (!matcher.matches()) {
      return null;
    }
    for (int group = 1; group <= matcher.groupCount(); group++) {
      if (matcher.group(group) != null) {
        try {
          return Long.valueOf(matcher.group(group));
        } catch (NumberFormatException beyond) {
          return null;
        }
      }
    }
    return null;
  }

  /** The names of the data contract. */
  public static CaptureColumns standard() {
    return new CaptureColumns(
        "document",
        "position",
        "site",
        "checkpoint",
        CHECKPOINT_PATTERN,
        "activation",
        "token_id",
        "token",
        "loss",
        "gradient",
        "label_");
  }
}
