package dev.ontogeny.data;

import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Problems;
import java.io.Serializable;
import java.util.List;

/**
 * What a capture calls its columns.
 *
 * @param document text or whole number that names the document
 * @param position of the token within its document, a whole number
 * @param site where in the network, a text; a column or a Hive partition
 * @param checkpoint training step, a whole number; a column or a Hive partition
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
    String activation,
    @Nullable String tokenId,
    @Nullable String token,
    @Nullable String loss,
    @Nullable String gradient,
    String labelPrefix)
    implements Serializable {
  public CaptureColumns {
    List<String> required = List.of(document, position, site, checkpoint, activation);
    new Problems()
        .check(
            required.stream().distinct().count() == required.size(),
            "document, position, site, checkpoint, activation",
            "must be five different columns, got %s",
            required)
        .check(!labelPrefix.isEmpty(), "label-prefix", "must not be empty")
        .raise();
  }

  /** The names of the data contract. */
  public static CaptureColumns standard() {
    return new CaptureColumns(
        "document",
        "position",
        "site",
        "checkpoint",
        "activation",
        "token_id",
        "token",
        "loss",
        "gradient",
        "label_");
  }
}
