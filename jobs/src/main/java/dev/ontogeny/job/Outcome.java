package dev.ontogeny.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How a command ended, as {@code --outcome FILE} leaves it for a scheduler that sees neither exit
 * code nor output, as where the driver runs inside of a cluster. Gathered while the command works.
 */
final class Outcome {
  static final String OPTION = "--outcome";

  private final List<JsonNode> results = new ArrayList<>();
  private Diagnosis failure;

  /** What one job did, as its line {@code RESULT} tells it. */
  void did(JsonNode result) {
    results.add(result);
  }

  /** Why it ended early. */
  void failed(Diagnosis diagnosis) {
    failure = diagnosis;
  }

  /** Where to leave it, as arguments ask for it; null if they do not. */
  static String place(String... arguments) {
    String place = null;
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i].startsWith(OPTION + "=")) {
        place = arguments[i].substring(OPTION.length() + 1);
      } else if (arguments[i].equals(OPTION) && i + 1 < arguments.length) {
        place = arguments[i + 1];
      }
    }
    return place;
  }

  /** Removes what an earlier attempt left, so that none speaks for another. */
  static void clear(String place) {
    try {
      folder(place).delete(name(place));
    } catch (IOException e) {
      throw unwritable(place, e);
    }
  }

  /** Leaves it there. */
  void write(String place, int exitCode) {
    ObjectNode node = Json.object();
    node.put("exit_code", exitCode);
    if (failure != null) {
      node.putObject("failure")
          .put("kind", failure.kind().name().toLowerCase(Locale.ROOT))
          .put("message", failure.message());
    }
    ArrayNode all = node.putArray("results");
    results.forEach(all::add);
    try {
      folder(place).writeText(name(place), Json.pretty(node));
    } catch (IOException e) {
      throw unwritable(place, e);
    }
  }

  private static Failure unwritable(String place, IOException e) {
    return Failure.resources("%s %s cannot be written: %s", OPTION, place, e.getMessage())
        .causedBy(e);
  }

  private static Folder folder(String place) {
    int cut = place.lastIndexOf('/');
    return Folder.of(cut < 0 ? "." : cut == 0 ? "/" : place.substring(0, cut));
  }

  private static String name(String place) {
    return place.substring(place.lastIndexOf('/') + 1);
  }
}
