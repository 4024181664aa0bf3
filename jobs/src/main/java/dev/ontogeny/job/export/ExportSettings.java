package dev.ontogeny.job.export;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;
import java.util.List;

/**
 * Settings of {@link Export}, explained in {@code conf/jobs/export.conf}.
 *
 * @param only ids of dictionaries; none for all
 * @param model what the format calls the network, null for nothing
 */
public record ExportSettings(
    @Operational String dictionaries,
    @Operational String output,
    String format,
    List<String> only,
    Crosscoders crosscoders,
    @Nullable String model)
    implements Serializable {
  public ExportSettings {
    new Problems().oneOf("format", format, PeerFormats.keys()).raise();
    only = List.copyOf(only);
  }

  /** What becomes of a crosscoder. */
  public enum Crosscoders {
    /** One dictionary over all sources. */
    WHOLE,
    /** One of each source alone. */
    SLICES;

    /** As settings write it. */
    @JsonValue
    String key() {
      return SettingsReader.constantName(this);
    }
  }
}
