package dev.ontogeny.job.imports;

import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.run.Nullable;
import dev.ontogeny.run.Operational;
import dev.ontogeny.run.Problems;
import java.io.Serializable;
import java.util.List;

/**
 * Settings of {@link Imports}, explained in {@code conf/jobs/import.conf}.
 *
 * @param input the folder that holds them all
 * @param dictionaries where each lies and belongs; none to find them
 * @param chain whether a feature keeps its number from one checkpoint to the next
 */
public record ImportSettings(
    @Operational String dataset,
    @Operational String input,
    @Operational String output,
    String format,
    List<Entry> dictionaries,
    boolean chain,
    String kernel)
    implements Serializable {
  public ImportSettings {
    Problems problems =
        new Problems()
            .oneOf("format", format, PeerFormats.keys())
            .oneOf("kernel", kernel, "auto", "cpu", "nd4j", "reference");
    dictionaries = List.copyOf(dictionaries);
    for (int i = 0; i < dictionaries.size(); i++) {
      String path = dictionaries.get(i).path();
      problems.check(
          dictionaries.stream().filter(each -> each.path().equals(path)).count() == 1,
          "dictionaries." + i + ".path",
          "must differ from those of the others, got %s",
          path);
    }
    problems.raise();
  }

  /**
   * A dictionary to be read.
   *
   * @param path of its folder within {@code input}; empty for that folder itself
   * @param site that it reads, null for what its files say
   * @param target the site that it writes, of a transcoder, likewise
   * @param checkpoint training step of the network, likewise
   * @param checkpoints of the sources of a crosscoder, likewise
   * @param replica null for what its files say, or 0
   * @param name what those of all checkpoints share, null for one out of site, type and width
   */
  public record Entry(
      String path,
      @Nullable String site,
      @Nullable String target,
      @Nullable Long checkpoint,
      @Nullable List<Long> checkpoints,
      @Nullable Integer replica,
      @Nullable String name)
      implements Serializable {
    public Entry {
      new Problems()
          .check(
              checkpoint == null || checkpoints == null,
              "checkpoint",
              "is of a dictionary of one checkpoint, and checkpoints of a crosscoder: give one of the two")
          .check(replica == null || replica >= 0, "replica", "must be at least 0, got %s", replica)
          .check(
              name == null || name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,119}"),
              "name",
              "must be letters, digits, '.', '_' and '-', for folders are named by it, got '%s'",
              name)
          .raise();
    }

    /** One of which nothing is said. */
    static Entry at(String path) {
      return new Entry(path, null, null, null, null, null, null);
    }
  }
}
