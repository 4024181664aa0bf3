package dev.ontogeny.run;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The version of a kind of file: this build writes it, and reads it and all before it. {@link
 * Json#read} looks at the file's {@code version} before at anything else, since a newer file may
 * say everything else in another way. Raise it when older builds would misread what is written;
 * what a newer build only adds they pass over.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface FormatVersion {
  /** From 1 on. */
  int value();

  /** The check, for files that are not read by {@link Json#read}. */
  final class Check {
    private Check() {}

    /**
     * Fails if a file is of a version that this build does not read.
     *
     * @param origin the file
     * @param found what it says of its version, a number or a text of one
     * @param known the newest that can be read
     */
    public static void require(String origin, JsonNode found, int known) {
      int version = found.asInt(0);
      if (version > known) {
        throw Failure.data(
            "%s is of version %d, this build (%s) reads versions up to %d: use the release that wrote it, or a later one",
            origin, version, Provenance.version(), known);
      } else if (version < 1) {
        throw Failure.data(
            "%s says no version that there is (%s): it is damaged, or something else wrote it",
            origin, found.isMissingNode() ? "none" : found);
      }
    }
  }
}
