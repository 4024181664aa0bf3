package dev.ontogeny.export;

import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import java.util.List;

/**
 * Where a dictionary comes from, for what peers' files say of it beside their tensors.
 *
 * @param id of the dictionary
 * @param replica of its series
 * @param model what peers call the network, null where nobody said
 * @param sources that it reads and writes; of a transcoder the first is read, the second is written
 */
public record Origin(String id, int replica, String model, List<Source> sources) {
  /** As its description has it. */
  public static Origin of(DictionaryMetadata dictionary, String model) {
    return new Origin(dictionary.id(), dictionary.replica(), model, dictionary.sources());
  }

  /** The site that is read, of one that reads a single one. */
  String site() {
    return sources.get(0).site();
  }

  /** The site that is written, likewise. */
  String writtenSite() {
    return sources.get(sources.size() - 1).site();
  }

  /** The checkpoint, likewise. */
  long checkpoint() {
    return sources.get(0).checkpoint();
  }

  /** The layer that a site's name tells: 3 for {@code blocks.3.hook_resid_post}; null for none. */
  Integer layer() {
    for (String part : site().split("\\.", -1)) {
      if (part.matches("\\d{1,6}")) {
        return Integer.valueOf(part);
      }
    }
    return null;
  }
}
