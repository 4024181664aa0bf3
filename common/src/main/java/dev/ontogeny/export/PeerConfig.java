package dev.ontogeny.export;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.data.Folder;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.SettingsReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A peer's JSON beside its tensors, asked for by key; errors name file, key and what stands there.
 */
final class PeerConfig {
  private final String origin;
  private final JsonNode node;

  private PeerConfig(String origin, JsonNode node) {
    this.origin = origin;
    this.node = node;
  }

  /** Reads an object. */
  static PeerConfig read(Folder folder, String file) throws IOException {
    String origin = folder.resolve(file);
    try {
      return new PeerConfig(
          origin, object(Json.read(folder.readText(file), JsonNode.class, origin), origin));
    } catch (FileNotFoundException e) {
      throw Failure.data("%s does not exist", origin).causedBy(e);
    }
  }

  private static JsonNode object(JsonNode node, String origin) {
    if (!node.isObject()) {
      throw Failure.data("%s should be an object, it is %s", origin, shortened(node));
    }
    return node;
  }

  /** An object within; an empty one where there is none. */
  PeerConfig within(String key) {
    return node.hasNonNull(key)
        ? new PeerConfig(origin + ": " + key, object(node.path(key), origin + ": " + key))
        : new PeerConfig(origin + ": " + key, Json.object());
  }

  /** A list of objects; none where there is no such key. */
  List<PeerConfig> objects(String key) {
    List<PeerConfig> objects = new ArrayList<>();
    if (node.hasNonNull(key) && !node.path(key).isArray()) {
      throw wrong(key, "a list");
    }
    for (JsonNode each : node.path(key)) {
      String place = origin + ": " + key + "[" + objects.size() + "]";
      objects.add(new PeerConfig(place, object(each, place)));
    }
    return objects;
  }

  /** Where it stands, for errors. */
  String origin() {
    return origin;
  }

  boolean has(String key) {
    return node.hasNonNull(key);
  }

  /** Fails on keys beyond these: one that is not known may change what a dictionary does. */
  void onlyKeys(Set<String> known) {
    for (Map.Entry<String, JsonNode> each : node.properties()) {
      if (!known.contains(each.getKey())) {
        throw Failure.data(
            "%s has a key '%s' that is not known here, so that codes might come out wrong (%s)",
            origin, each.getKey(), SettingsReader.nearest(each.getKey(), known));
      }
    }
  }

  /** A whole number of at least one. */
  int size(String key) {
    JsonNode value = node.path(key);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
      throw wrong(key, "a whole number of at least 1");
    }
    return value.intValue();
  }

  /** A number above zero. */
  double positive(String key) {
    double value = node.path(key).isNumber() ? node.path(key).doubleValue() : Double.NaN;
    if (!((float) value > 0 && Float.isFinite((float) value))) {
      throw wrong(key, "a number above zero");
    }
    return value;
  }

  /** A whole number, null where there is none. */
  Long whole(String key) {
    if (!node.hasNonNull(key)) {
      return null;
    }
    if (!node.path(key).isIntegralNumber() || !node.path(key).canConvertToLong()) {
      throw wrong(key, "a whole number");
    }
    return node.path(key).longValue();
  }

  /** A text, null where there is none. */
  String text(String key) {
    if (!node.hasNonNull(key)) {
      return null;
    }
    if (!node.path(key).isTextual()) {
      throw wrong(key, "a text");
    }
    return node.path(key).textValue();
  }

  /** A list of texts, at least one. */
  List<String> texts(String key) {
    List<String> texts = new ArrayList<>();
    for (JsonNode each : node.path(key)) {
      texts.add(each.isTextual() ? each.textValue() : null);
    }
    if (!node.path(key).isArray() || texts.isEmpty() || texts.contains(null)) {
      throw wrong(key, "a list of texts, at least one");
    }
    return texts;
  }

  /** One of these texts. */
  String oneOf(String key, List<String> known, String otherwise) {
    String value = node.hasNonNull(key) ? text(key) : otherwise;
    if (value == null || !known.contains(value)) {
      throw wrong(key, "one of " + String.join(", ", known));
    }
    return value;
  }

  /** True or false. */
  boolean flag(String key, boolean otherwise) {
    if (!node.hasNonNull(key)) {
      return otherwise;
    }
    if (!node.path(key).isBoolean()) {
      throw wrong(key, "true or false");
    }
    return node.path(key).booleanValue();
  }

  /** That a key says something that cannot be read. */
  Failure wrong(String key, String should) {
    return Failure.data(
        "%s: '%s' should be %s, it is %s", origin, key, should, shortened(node.path(key)));
  }

  private static String shortened(JsonNode node) {
    String text = node.isMissingNode() ? "absent" : node.toString();
    return text.length() <= 80 ? text : text.substring(0, 79) + "…";
  }
}
