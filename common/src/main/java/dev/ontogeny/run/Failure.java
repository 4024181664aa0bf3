package dev.ontogeny.run;

import com.google.errorprone.annotations.FormatMethod;
import java.util.Locale;
import java.util.Optional;

/**
 * An expected way to fail. The message says which key, file, column or row, what was found and what
 * would be right; it is all that a user sees. Bugs stay ordinary exceptions.
 */
public final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final FailureKind kind;

  private Failure(FailureKind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public FailureKind kind() {
    return kind;
  }

  /** The command line is wrong. */
  @FormatMethod
  public static Failure usage(String format, Object... arguments) {
    return new Failure(FailureKind.USAGE, message(format, arguments), null);
  }

  /** Another run has what this one wants. */
  @FormatMethod
  public static Failure busy(String format, Object... arguments) {
    return new Failure(FailureKind.BUSY, message(format, arguments), null);
  }

  /** A setting or a plan is wrong. */
  @FormatMethod
  public static Failure settings(String format, Object... arguments) {
    return new Failure(FailureKind.SETTINGS, message(format, arguments), null);
  }

  /** What was read is not what it should be. */
  @FormatMethod
  public static Failure data(String format, Object... arguments) {
    return new Failure(FailureKind.DATA, message(format, arguments), null);
  }

  /** Disk, memory or a store gave out. */
  @FormatMethod
  public static Failure resources(String format, Object... arguments) {
    return new Failure(FailureKind.RESOURCES, message(format, arguments), null);
  }

  /** The same failure with the exception that caused it. */
  public Failure causedBy(Throwable cause) {
    return new Failure(kind, getMessage(), cause);
  }

  /**
   * Finds the failure in an exception: among its causes, since Spark wraps what a task throws, then
   * among its suppressed exceptions. There a run says that it lost its folder: Spark stops it
   * first, and it learns why when it gives up its claim.
   */
  public static Optional<Failure> in(Throwable thrown) {
    Throwable at = thrown;
    for (int depth = 0; at != null && depth < 50; depth++, at = at.getCause()) {
      if (at instanceof Failure) {
        return Optional.of((Failure) at);
      }
    }
    for (Throwable suppressed : thrown.getSuppressed()) {
      if (suppressed instanceof Failure failure) {
        return Optional.of(failure);
      }
    }
    return Optional.empty();
  }

  private static String message(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
