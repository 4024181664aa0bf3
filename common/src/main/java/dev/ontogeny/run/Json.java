package dev.ontogeny.run;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * JSON as the published folders hold it: records, snake_case keys, map keys sorted, absent instead
 * of null.
 */
public final class Json {
  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .serializationInclusion(JsonInclude.Include.NON_NULL)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          // Folders of later versions may say more than this version knows.
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private Json() {}

  /** Indented, for files that people open. */
  public static String pretty(Object value) {
    try {
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(value) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("cannot be written as JSON: " + value, e);
    }
  }

  /** One line. */
  public static String line(Object value) {
    try {
      return MAPPER.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("cannot be written as JSON: " + value, e);
    }
  }

  /** A value of {@code type} out of {@code text}; {@code origin} names the text in the error. */
  public static <T> T read(String text, Class<T> type, String origin) {
    JsonNode tree;
    try {
      tree = MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw unfit(type, origin, e);
    }
    return fromTree(tree, type, origin);
  }

  /**
   * A value of {@code type} out of what a file says; {@code origin} names it in the error. Where
   * the type has a {@link FormatVersion}, the file's is looked at first.
   */
  public static <T> T fromTree(JsonNode node, Class<T> type, String origin) {
    if (node == null || node.isNull() || node.isMissingNode()) {
      throw Failure.data("%s is not the JSON of a %s: it is empty", origin, type.getSimpleName());
    }
    FormatVersion known = type.getAnnotation(FormatVersion.class);
    if (known != null && node.isObject()) {
      FormatVersion.Check.require(origin, node.path("version"), known.value());
    }
    try {
      return MAPPER.treeToValue(node, type);
    } catch (JsonProcessingException e) {
      throw unfit(type, origin, e);
    }
  }

  private static Failure unfit(Class<?> type, String origin, JsonProcessingException cause) {
    // What the bounds of a record say, without Jackson's words around it.
    String why =
        cause.getCause() instanceof IllegalArgumentException bounds
            ? bounds.getMessage()
            : cause.getOriginalMessage();
    return Failure.data("%s is not the JSON of a %s: %s", origin, type.getSimpleName(), why)
        .causedBy(cause);
  }

  public static JsonNode tree(Object value) {
    return MAPPER.valueToTree(value);
  }

  /** What this build wrote, or what was checked when it was read. */
  public static <T> T fromTree(JsonNode node, Class<T> type) {
    return MAPPER.convertValue(node, type);
  }

  public static ObjectNode object() {
    return MAPPER.createObjectNode();
  }
}
