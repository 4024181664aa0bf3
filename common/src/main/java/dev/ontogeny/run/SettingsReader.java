package dev.ontogeny.run;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigMemorySize;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import com.typesafe.config.ConfigValueType;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.text.similarity.LevenshteinDistance;

/**
 * HOCON into records. Keys are the components' names in kebab-case; a record nests as an object,
 * {@link ByteSize} reads {@code 256MiB}, an enum its kebab-case name. Defaults are not in the code
 * but in {@code conf/jobs/*.conf}, which travel in the jar; a key without a value anywhere is an
 * error unless the component is {@link Nullable}. Every problem of a file is reported at once, and
 * an unknown key names the nearest known one.
 */
public final class SettingsReader {
  private SettingsReader() {}

  /**
   * Settings of a job: its defaults, then a file, then {@code key=value} assignments.
   *
   * @param job names the defaults, {@code conf/jobs/<job>.conf}
   * @param file null for none
   */
  public static <R extends Record> R read(
      Class<R> type, String job, File file, List<String> assignments) {
    return bind(
        type, layered(job, file, assignments), file == null ? job + " settings" : file.getPath());
  }

  /** The merged configuration before binding, for commands that hold several jobs' settings. */
  public static Config layered(String job, File file, List<String> assignments) {
    Config config = defaults(job);
    if (file != null) {
      if (!file.isFile()) {
        throw Failure.settings("settings file %s does not exist", file);
      }
      try {
        config =
            ConfigFactory.parseFile(file, ConfigParseOptions.defaults().setAllowMissing(false))
                .withFallback(config);
      } catch (ConfigException | StackOverflowError e) {
        throw unreadable("settings file " + file, e);
      }
    }
    return layered(config, file == null ? job + " settings" : file.getPath(), assignments);
  }

  /** The same for a file that was read already. */
  public static Config layered(String job, String origin, String text, List<String> assignments) {
    try {
      return layered(
          ConfigFactory.parseString(text).withFallback(defaults(job)), origin, assignments);
    } catch (ConfigException | StackOverflowError e) {
      throw unreadable("settings file " + origin, e);
    }
  }

  private static Config layered(Config below, String origin, List<String> assignments) {
    Config config = below;
    for (String assignment : assignments) {
      int at = assignment.indexOf('=');
      if (at < 1) {
        throw Failure.usage("--set takes key=value, got '%s'", assignment);
      }
      config = assigned(assignment, at).withFallback(config);
    }
    try {
      return config.resolve();
    } catch (ConfigException | StackOverflowError e) {
      throw unreadable(origin, e);
    }
  }

  private static Failure unreadable(String origin, Throwable cause) {
    return Failure.settings(
            "%s cannot be read: %s",
            origin,
            cause instanceof StackOverflowError
                ? "its braces or brackets are nested too deep"
                : cause.getMessage())
        .causedBy(cause);
  }

  /** {@code conf/jobs/<job>.conf} as it travels in the jar. */
  public static Config defaults(String job) {
    String resource = "dev/ontogeny/conf/" + job + ".conf";
    return ConfigFactory.parseResources(
        SettingsReader.class.getClassLoader(),
        resource,
        ConfigParseOptions.defaults().setAllowMissing(false));
  }

  /** An object of {@link #defaults(String)}. */
  public static SettingsObject defaults(String job, String key) {
    return new SettingsObject(
        defaults(job).resolve().getObject(key), job + ".conf: " + key + ".", new ArrayList<>());
  }

  /** {@code conf/jobs/<job>.conf} as people wrote it: its comments are the settings' reference. */
  public static String defaultsText(String job) {
    String resource = "/dev/ontogeny/conf/" + job + ".conf";
    try (InputStream in = SettingsReader.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new LinkageError("this jar lacks " + resource);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Lists, objects and quoted texts are read as HOCON. Anything else is the text it is: HOCON would
   * silently end a path at {@code //} or {@code #}.
   */
  private static Config assigned(String assignment, int at) {
    String key = assignment.substring(0, at).strip();
    String value = assignment.substring(at + 1).strip();
    try {
      if (value.equals("null")) {
        return ConfigValueFactory.fromAnyRef(null).atPath(key);
      } else if (!value.isEmpty() && "[{\"".indexOf(value.charAt(0)) >= 0) {
        return ConfigFactory.parseString("value = " + value).getValue("value").atPath(key);
      }
      return ConfigValueFactory.fromAnyRef(value).atPath(key);
    } catch (ConfigException e) {
      throw Failure.usage("--set %s cannot be read: %s", assignment, e.getMessage()).causedBy(e);
    }
  }

  /** A record out of a configuration; {@code origin} stands before every problem. */
  public static <R> R bind(Class<R> type, Config config, String origin) {
    List<String> problems = new ArrayList<>();
    Object bound = object(type, config.root(), "", problems);
    if (!problems.isEmpty()) {
      throw Failure.settings("%s: %s", origin, String.join("; ", problems));
    }
    return type.cast(bound);
  }

  /** {@code minimumRows} as {@code minimum-rows}. */
  public static String kebab(String name) {
    return name.replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(Locale.ROOT);
  }

  /**
   * A record out of values of its components.
   *
   * @param values by key; what is not nullable has one
   * @throws Problems.Found where the record's bounds do not hold
   */
  public static Object build(Class<? extends Record> type, Map<String, Object> values) {
    Object[] ordered =
        Arrays.stream(type.getRecordComponents())
            .map(component -> values.get(kebab(component.getName())))
            .toArray();
    List<String> problems = new ArrayList<>();
    Object built = construct(type, ordered, "", problems);
    if (!problems.isEmpty()) {
      Problems found = new Problems();
      problems.forEach(found::found);
      found.raise();
    }
    return built;
  }

  private static Object object(
      Class<?> type, ConfigObject object, String path, List<String> problems) {
    if (!SelfReading.class.isAssignableFrom(type)) {
      return record(type, object, path, problems);
    }
    int before = problems.size();
    try {
      Object read =
          type.getMethod("of", SettingsObject.class)
              .invoke(null, new SettingsObject(object, path, problems));
      return problems.size() > before ? null : read;
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Problems.Found found) {
        found.problems().forEach(problem -> problems.add(path + problem));
        return null;
      }
      throw new IllegalStateException(type.getSimpleName() + " cannot be read", e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(type.getSimpleName() + " cannot be read", e);
    }
  }

  private static Object record(
      Class<?> type, ConfigObject object, String path, List<String> problems) {
    Map<String, RecordComponent> known = new LinkedHashMap<>();
    for (RecordComponent component : type.getRecordComponents()) {
      known.put(kebab(component.getName()), component);
    }
    int before = problems.size();
    for (String key : object.keySet()) {
      if (!known.containsKey(key)) {
        problems.add(
            String.format(
                Locale.ROOT, "unknown key '%s%s' (%s)", path, key, nearest(key, known.keySet())));
      }
    }
    Object[] values = new Object[known.size()];
    int at = 0;
    for (Map.Entry<String, RecordComponent> entry : known.entrySet()) {
      ConfigValue value = object.get(entry.getKey());
      String key = path + entry.getKey();
      RecordComponent component = entry.getValue();
      if (value == null || value.valueType() == ConfigValueType.NULL) {
        if (!component.isAnnotationPresent(Nullable.class)) {
          problems.add("'" + key + "' is required and has no value");
        }
      } else {
        values[at] = value(component.getGenericType(), value, key, problems);
      }
      at++;
    }
    return problems.size() > before ? null : construct(type, values, path, problems);
  }

  private static Object construct(
      Class<?> type, Object[] values, String path, List<String> problems) {
    try {
      Class<?>[] types =
          Arrays.stream(type.getRecordComponents())
              .map(RecordComponent::getType)
              .toArray(Class<?>[]::new);
      Constructor<?> constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof Problems.Found found) {
        found.problems().forEach(problem -> problems.add(path + problem));
      } else if (e.getCause() instanceof IllegalArgumentException) {
        problems.add((path.isEmpty() ? "" : path + " ") + e.getCause().getMessage());
      } else {
        throw new IllegalStateException(
            "settings of " + type.getSimpleName() + " cannot be built", e.getCause());
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          "settings of " + type.getSimpleName() + " cannot be built", e);
    }
    return null;
  }

  static Object value(Type type, ConfigValue value, String key, List<String> problems) {
    Class<?> raw =
        type instanceof ParameterizedType generic
            ? (Class<?>) generic.getRawType()
            : (Class<?>) type;
    try {
      if (raw == List.class) {
        return list(((ParameterizedType) type).getActualTypeArguments()[0], value, key, problems);
      }
      Config single = value.atKey("value");
      if (raw == String.class) {
        return single.getString("value");
      } else if (raw == int.class || raw == Integer.class) {
        long whole = whole(single);
        if (whole != (int) whole) {
          throw new IllegalArgumentException("must be between -2147483648 and 2147483647");
        }
        return (int) whole;
      } else if (raw == long.class || raw == Long.class) {
        return whole(single);
      } else if (raw == double.class || raw == Double.class) {
        return single.getDouble("value");
      } else if (raw == boolean.class || raw == Boolean.class) {
        return single.getBoolean("value");
      } else if (raw == ByteSize.class) {
        ConfigMemorySize size = single.getMemorySize("value");
        return new ByteSize(size.toBytes());
      } else if (raw.isEnum()) {
        return constant(raw, single.getString("value"));
      } else if ((raw.isRecord() || SelfReading.class.isAssignableFrom(raw))
          && value instanceof ConfigObject object) {
        return object(raw, object, key + ".", problems);
      }
      throw new IllegalArgumentException("must be an object with its keys in braces");
    } catch (ConfigException e) {
      problems.add(
          String.format(
              Locale.ROOT, "'%s' must be %s, got %s", key, described(raw), value.render(COMPACT)));
    } catch (IllegalArgumentException e) {
      problems.add("'" + key + "' " + e.getMessage() + ", got " + value.render(COMPACT));
    }
    return null;
  }

  private static final com.typesafe.config.ConfigRenderOptions COMPACT =
      com.typesafe.config.ConfigRenderOptions.concise();

  private static List<Object> list(
      Type element, ConfigValue value, String key, List<String> problems) {
    List<Object> result = new ArrayList<>();
    if (value instanceof ConfigList elements) {
      int index = 0;
      for (ConfigValue each : elements) {
        result.add(value(element, each, key + "." + index++, problems));
      }
    } else {
      // One value where a list is expected is a list of one.
      result.add(value(element, value, key, problems));
    }
    return result;
  }

  private static long whole(Config single) {
    double asDouble = single.getDouble("value");
    if (asDouble != Math.rint(asDouble)) {
      throw new IllegalArgumentException("must be a whole number");
    }
    return Math.abs(asDouble) < 1L << 53 ? (long) asDouble : single.getLong("value");
  }

  private static Object constant(Class<?> type, String name) {
    for (Object each : type.getEnumConstants()) {
      if (constantName(each).equals(name)) {
        return each;
      }
    }
    throw new IllegalArgumentException(
        "must be one of "
            + String.join(
                ", ",
                Arrays.stream(type.getEnumConstants()).map(SettingsReader::constantName).toList()));
  }

  /** {@code HELD_OUT} as {@code held-out}. */
  public static String constantName(Object constant) {
    return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  private static String described(Class<?> type) {
    if (type == int.class || type == long.class || type == Integer.class || type == Long.class) {
      return "a whole number";
    } else if (type == double.class || type == Double.class) {
      return "a number";
    } else if (type == boolean.class || type == Boolean.class) {
      return "true or false";
    } else if (type == ByteSize.class) {
      return "a size such as 256MiB";
    }
    return "a text";
  }

  /** {@code did you mean 'x'?}, or all that is known where nothing is near. */
  public static String nearest(String key, Iterable<String> known) {
    List<String> all = new ArrayList<>();
    known.forEach(all::add);
    LevenshteinDistance distance = LevenshteinDistance.getDefaultInstance();
    String best =
        all.stream().min(Comparator.comparing(each -> distance.apply(key, each))).orElse(null);
    return best != null && distance.apply(key, best) <= Math.max(2, key.length() / 3)
        ? "did you mean '" + best + "'?"
        : "known here: " + String.join(", ", all);
  }
}
