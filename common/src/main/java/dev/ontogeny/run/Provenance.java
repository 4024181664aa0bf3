package dev.ontogeny.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * Where a publication came from. Nothing here decides its bytes.
 *
 * @param ontogeny version and commit
 * @param spark Spark's version, null outside of it
 * @param java version and vendor
 * @param kernel the provider of the arithmetic and why it was chosen, null where there was none
 * @param os name and architecture
 * @param effort what it had to do and how long that took; null where that is not known
 */
public record Provenance(
    String ontogeny, String spark, String java, String kernel, String os, Effort effort)
    implements Serializable {

  /** This process. */
  public static Provenance here(String spark, String kernel) {
    return new Provenance(
        version(),
        spark,
        System.getProperty("java.version") + " (" + System.getProperty("java.vendor") + ")",
        kernel,
        System.getProperty("os.name") + " " + System.getProperty("os.arch"),
        null);
  }

  /** The same with what it took; null where that is not known. */
  public Provenance with(Effort took) {
    return new Provenance(ontogeny, spark, java, kernel, os, took);
  }

  /** Version and commit of this build, for instance {@code 0.1.0 (1a2b3c4)}. */
  public static String version() {
    Properties build = new Properties();
    try (InputStream in = Provenance.class.getResourceAsStream("/dev/ontogeny/build.properties")) {
      if (in == null) {
        return "unbuilt";
      }
      build.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String commit = build.getProperty("git.commit.id.full", "unknown");
    String dirty = "true".equals(build.getProperty("git.dirty")) ? ", changed" : "";
    return build.getProperty("git.build.version", "unknown")
        + " ("
        + commit.substring(0, Math.min(7, commit.length()))
        + dirty
        + ")";
  }
}
