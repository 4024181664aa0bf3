package dev.ontogeny.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a publication is called: the hash of everything that decides its bytes. */
public final class Identity {
  private Identity() {}

  /**
   * SHA-256 over kind, version, the settings that are not {@link Operational} and the identities of
   * the inputs, as 64 hex digits.
   */
  public static String of(String kind, int version, Record settings, List<String> inputs) {
    ObjectNode node = Json.object();
    node.put("kind", kind);
    node.put("version", version);
    node.set("settings", resultSettings(settings));
    ArrayNode array = node.putArray("inputs");
    inputs.forEach(array::add);
    return sha256(Json.line(node).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * The settings without those that are {@link Operational} or {@link AbsentWhenEmpty}, nested
   * records included, keys sorted: the order in which a record declares its components is no part
   * of a result.
   */
  public static ObjectNode resultSettings(Record settings) {
    Map<String, JsonNode> sorted = new TreeMap<>();
    for (RecordComponent component : settings.getClass().getRecordComponents()) {
      if (component.isAnnotationPresent(Operational.class)) {
        continue;
      }
      JsonNode value = resultValue(valueOf(component, settings));
      if (!component.isAnnotationPresent(AbsentWhenEmpty.class) || !value.isEmpty()) {
        sorted.put(SettingsReader.kebab(component.getName()).replace('-', '_'), value);
      }
    }
    return (ObjectNode) Json.object().setAll(sorted);
  }

  /** The keys in which two sets of settings differ, with both values, for people. */
  public static List<String> differences(JsonNode there, JsonNode here) {
    TreeMap<String, String> before = new TreeMap<>();
    TreeMap<String, String> now = new TreeMap<>();
    flatten("", there, before);
    flatten("", here, now);
    TreeSet<String> keys = new TreeSet<>(before.keySet());
    keys.addAll(now.keySet());
    return keys.stream()
        .filter(key -> !Objects.equals(before.get(key), now.get(key)))
        .map(
            key ->
                key.replace('_', '-')
                    + " is "
                    + before.getOrDefault(key, "unset")
                    + " there and "
                    + now.getOrDefault(key, "unset")
                    + " here")
        .toList();
  }

  private static void flatten(String path, JsonNode node, Map<String, String> into) {
    if (node != null && node.isObject()) {
      node.fields()
          .forEachRemaining(
              each ->
                  flatten(
                      path.isEmpty() ? each.getKey() : path + "." + each.getKey(),
                      each.getValue(),
                      into));
    } else {
      into.put(path, node == null ? "null" : Json.line(node).replace("\"", ""));
    }
  }

  private static JsonNode resultValue(Object value) {
    if (value instanceof Record nested && !(value instanceof ByteSize)) {
      return resultSettings(nested);
    } else if (value instanceof List<?> list) {
      ArrayNode array = Json.object().arrayNode();
      list.forEach(each -> array.add(resultValue(each)));
      return array;
    }
    return value == null ? NullNode.getInstance() : Json.tree(value);
  }

  /** SHA-256 as 64 lower-case hex digits. */
  public static String sha256(byte[] bytes) {
    return HexFormat.of().formatHex(newDigest().digest(bytes));
  }

  /** A fresh SHA-256. */
  public static MessageDigest newDigest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  private static Object valueOf(RecordComponent component, Record of) {
    try {
      component.getAccessor().setAccessible(true);
      return component.getAccessor().invoke(of);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("a record's accessor cannot fail", e);
    }
  }
}
