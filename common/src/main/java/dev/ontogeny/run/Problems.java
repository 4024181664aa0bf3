package dev.ontogeny.run;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** Everything that is wrong with a settings record, told at once. Used in compact constructors. */
public final class Problems {
  private final List<String> found = new ArrayList<>();

  /** A bound that holds or is reported; {@code key} is the setting as the file writes it. */
  @FormatMethod
  public Problems check(
      boolean holds, String key, @FormatString String format, Object... arguments) {
    if (!holds) {
      found.add(key + " " + String.format(Locale.ROOT, format, arguments));
    }
    return this;
  }

  public Problems atLeast(String key, double value, double minimum) {
    return check(
        value >= minimum, key, "must be at least %s, got %s", plain(minimum), plain(value));
  }

  public Problems atLeast(String key, long value, long minimum) {
    return check(value >= minimum, key, "must be at least %d, got %d", minimum, value);
  }

  public Problems between(String key, long value, long minimum, long maximum) {
    return check(
        value >= minimum && value <= maximum,
        key,
        "must be between %d and %d, got %d",
        minimum,
        maximum,
        value);
  }

  public Problems between(String key, double value, double minimum, double maximum) {
    return check(
        value >= minimum && value <= maximum,
        key,
        "must be between %s and %s, got %s",
        plain(minimum),
        plain(maximum),
        plain(value));
  }

  public Problems oneOf(String key, String value, String... allowed) {
    return check(
        List.of(allowed).contains(value),
        key,
        "must be one of %s, got '%s'",
        String.join(", ", allowed),
        value);
  }

  /** Takes over what the bounds of another record find; {@code prefix} stands before its keys. */
  public Problems alsoOf(String prefix, Supplier<?> record) {
    try {
      var unused = record.get();
    } catch (Found other) {
      other.problems.forEach(each -> found.add(prefix + each));
    }
    return this;
  }

  /** Takes over what was found elsewhere, in words. */
  public Problems found(String problem) {
    found.add(problem);
    return this;
  }

  /** Throws what was found, if anything was. */
  public void raise() {
    if (!found.isEmpty()) {
      throw new Found(found);
    }
  }

  private static String plain(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  /** What a compact constructor throws: each problem begins with its key. */
  public static final class Found extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    private final ArrayList<String> problems;

    Found(List<String> problems) {
      super(String.join("; ", problems));
      this.problems = new ArrayList<>(problems);
    }

    public List<String> problems() {
      return problems;
    }
  }
}
