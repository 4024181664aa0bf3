package dev.ontogeny.job;

import dev.ontogeny.data.Claim;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Leftovers;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.run.Effort;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.SparkSession;

/**
 * How long a job's work takes on the cores of a session, for its plan and for what its manifest
 * tells afterwards: by default rates, or by those of earlier runs that the session was told of.
 *
 * @param factor how many times as long as default rates say
 * @param rates {@code default}, or the folders that the factor was taken from
 */
public record Estimate(Workload work, int cores, double factor, String rates) {
  private static final String DEFAULT = "default";
  private static final String KEY = "ontogeny.like.";

  /**
   * Takes the rates of earlier runs from here on, for each kind of folder that there is one of.
   *
   * @param like published folders, or folders that hold some
   * @throws Failure of usage if one holds none that tells how long it took
   */
  static void use(SparkSession spark, List<String> like) {
    Map<String, Earlier> found = new TreeMap<>();
    for (String location : like) {
      boolean any = false;
      for (Folder folder : Leftovers.publications(Folder.of(location))) {
        Manifest manifest = published(folder);
        Effort effort =
            manifest == null || manifest.provenance() == null
                ? null
                : manifest.provenance().effort();
        if (effort != null) {
          found.merge(manifest.kind(), Earlier.of(folder, manifest.kind(), effort), Earlier::and);
          any = true;
        }
      }
      if (!any) {
        throw Failure.usage(
            "--like %s: nothing there tells how long it took; name folders that runs published which were not cut off, or a work folder that holds them",
            location);
      }
    }
    found.forEach(
        (kind, earlier) -> {
          spark.conf().set(KEY + kind + ".factor", Double.toString(earlier.factor()));
          spark.conf().set(KEY + kind + ".folders", earlier.folders());
        });
  }

  private static Manifest published(Folder folder) {
    try {
      return folder.exists(Manifest.FILE) ? Manifest.read(folder) : null;
    } catch (IOException e) {
      throw Failure.resources("%s cannot be reached: %s", folder, e.getMessage()).causedBy(e);
    }
  }

  /** What runs took, and what default rates say of their work. */
  record Earlier(String folders, double seconds, double byDefault) {
    static Earlier of(Folder folder, String kind, Effort effort) {
      Workload work =
          new Workload(
              kind,
              effort.bytes(),
              effort.flops(),
              effort.features(),
              effort.tasks(),
              effort.threads());
      return new Earlier(
          folder.toString(),
          effort.seconds(),
          work.seconds(Workload.defaults(kind), effort.cores()));
    }

    Earlier and(Earlier other) {
      return new Earlier(
          folders + ", " + other.folders, seconds + other.seconds, byDefault + other.byDefault);
    }

    double factor() {
      return seconds / byDefault;
    }
  }

  /** Of the cores that this session has, by the rates that it was told of. */
  public static Estimate of(SparkSession spark, Workload work) {
    return new Estimate(
        work,
        Math.max(1, spark.sparkContext().defaultParallelism()),
        Double.parseDouble(spark.conf().get(KEY + work.kind() + ".factor", "1")),
        spark.conf().get(KEY + work.kind() + ".folders", DEFAULT));
  }

  double seconds() {
    return factor * work.seconds(Workload.defaults(work.kind()), cores);
  }

  /** For a plan, behind its other lines. */
  public Map<String, String> lines() {
    Map<String, String> lines = new LinkedHashMap<>();
    String ofDefault = Workload.defaults(work.kind()).told();
    lines.put(
        "time",
        String.format(
            Locale.ROOT,
            "about %s on %,d cores, %s",
            duration(seconds()),
            cores,
            rates.equals(DEFAULT)
                ? "at default rates ("
                    + ofDefault
                    + "): --like FOLDER takes those of an earlier run"
                : String.format(
                    Locale.ROOT,
                    "as %s took: %.2f times as long as at default rates (%s)",
                    rates,
                    factor,
                    ofDefault)));
    lines.put("core-hours", String.format(Locale.ROOT, "%,.3g", seconds() * cores / 3600));
    return lines;
  }

  /**
   * What stands in the manifest; null for a run that went on where another one was cut off, since
   * nobody knows how long that took.
   */
  public Effort took(Claim claim) {
    return claim.resumed()
        ? null
        : new Effort(
            work.bytes(),
            work.flops(),
            work.features(),
            work.tasks(),
            work.threads(),
            cores,
            rates,
            seconds(),
            claim.seconds());
  }

  /** A duration for people. */
  static String duration(double seconds) {
    if (seconds < 10) {
      return String.format(Locale.ROOT, "%.1f s", seconds);
    } else if (seconds < 120) {
      return Math.round(seconds) + " s";
    } else if (seconds < 7200) {
      return Math.round(seconds / 60) + " min";
    } else if (seconds < 48 * 3600) {
      return String.format(Locale.ROOT, "%.1f h", seconds / 3600);
    }
    return String.format(Locale.ROOT, "%,.1f days", seconds / 86_400);
  }
}
