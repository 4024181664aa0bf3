package dev.ontogeny.data;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.FormatVersion;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.Serializable;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.spark.TaskContext;
import org.slf4j.LoggerFactory;

/**
 * A folder on its way to be published. Work is done in named units; each finished unit leaves a
 * small record below {@code _progress/<identity>/}, so that a run cut off half-way does only what
 * is missing. The manifest comes last; publishing removes the records and every file that the
 * manifest does not name. Whoever writes holds a {@link Claim}. Safe to send to tasks.
 *
 * @param kind of the folder
 * @param identity of what will be published
 * @param run names this run, as no other run is named: files of two runs never meet
 */
public record Publication(Folder folder, String kind, String identity, String run)
    implements Serializable {
  static final String PROGRESS = "_progress";

  /** How the record of a finished unit begins. */
  static final String UNIT = "unit-";

  /** Written below an identity's records whenever a run begins or resumes. */
  static final String STARTED = "_started.json";

  /** The version of what a run leaves for the next one to go on with: records and states. */
  static final int PROGRESS_VERSION = 1;

  /** What {@link #STARTED} says. */
  @FormatVersion(PROGRESS_VERSION)
  record Started(int version) {}

  private static final SecureRandom NAMES = new SecureRandom();

  private Publication(Folder folder, String kind, String identity) {
    this(folder, kind, identity, HexFormat.of().toHexDigits(NAMES.nextInt()));
  }

  /** A unit of work that is finished: its files and what the driver needs to know of it. */
  public record Unit(String name, List<PublishedFile> files, JsonNode result) {}

  /**
   * Looks at the folder and writes nothing. Fails if it holds another publication or something that
   * is no publication.
   *
   * @param settings decide the identity, together with {@code inputs}
   */
  public static Publication open(
      Folder folder, String kind, Record settings, List<Manifest.Input> inputs) {
    return of(folder, kind, settings, inputs).checked(settings);
  }

  /** The same without a look at the folder. */
  public static Publication of(
      Folder folder, String kind, Record settings, List<Manifest.Input> inputs) {
    return new Publication(
        folder,
        kind,
        Identity.of(
            kind,
            Manifest.VERSION,
            settings,
            inputs.stream().map(Manifest.Input::content).toList()));
  }

  /** A run that publishes nothing, to hold a folder while something else is done in it. */
  static Publication toHold(Folder folder, String kind) {
    return new Publication(folder, kind, "");
  }

  /** Looks at the folder as {@link #open} does, and returns itself. */
  public Publication checked(Record settings) {
    Optional<Manifest> there = published();
    if (there.isPresent() && !there.get().identity().equals(identity)) {
      throw another(there.get(), settings);
    } else if (there.isEmpty()) {
      requireFree();
    }
    return this;
  }

  /** A failure that says that the folder holds another publication, and in what it differs. */
  public Failure another(Manifest there, Record settings) {
    List<String> settingsDiffer =
        Identity.differences(there.settings(), Identity.resultSettings(settings));
    return Failure.settings(
        "output %s already holds %s of other %s (%s; identity %s, this run's is %s): choose another output or delete it",
        folder,
        there.kind(),
        settingsDiffer.isEmpty() ? "inputs" : "settings",
        settingsDiffer.isEmpty()
            ? "their content is not what it was"
            : String.join(", ", settingsDiffer.subList(0, Math.min(3, settingsDiffer.size()))),
        there.identity().substring(0, 12),
        identity.substring(0, 12));
  }

  /**
   * Begins or resumes: from here on this run alone writes into the folder, until the claim is
   * closed. Nothing may be written without it.
   *
   * @throws Failure of kind busy if another run is at work there or has just published
   */
  public Claim claim() {
    return claim(Claim.Timing.USUAL);
  }

  Claim claim(Claim.Timing timing) {
    return claim(timing, null);
  }

  /**
   * Begins or resumes in a folder that is published and will hold more: readers see what is there
   * until they see what is to come.
   *
   * @param extended what is there
   */
  public Claim claim(Manifest extended) {
    return claim(Claim.Timing.USUAL, extended);
  }

  private Claim claim(Claim.Timing timing, Manifest extended) {
    Claim claim = Claim.take(this, timing);
    try {
      if (!stands(extended)) {
        claim.done();
        throw Failure.busy(
            "output %s was published by another run meanwhile: run this again to see what it holds",
            folder);
      }
      if (folder.exists(progressPath(STARTED))) {
        requireOfThisVersion();
        claim.resumes();
      }
      folder.writeText(progressPath(STARTED), Json.pretty(new Started(PROGRESS_VERSION)));
      return claim;
    } catch (Failure failure) {
      claim.close();
      throw failure;
    } catch (IOException e) {
      claim.close();
      throw Failure.resources("output %s cannot be written to: %s", folder, e.getMessage())
          .causedBy(e);
    }
  }

  /** Goes on with nothing that a newer build has begun. */
  private void requireOfThisVersion() throws IOException {
    String path = progressPath(STARTED);
    String text = folder.readText(path);
    if (text.isBlank() || text.strip().equals("{}")) {
      // Cut off, or begun before such files told a version.
      return;
    }
    try {
      var unused = Json.read(text, Started.class, folder.resolve(path));
    } catch (Failure other) {
      throw Failure.data(
              "%s; what that run did is below %s: let its release finish it, or delete that folder and begin anew",
              other.getMessage(), folder.resolve(progressOf(identity)))
          .causedBy(other);
    }
  }

  /** Whether what is published is what a run found when it began: null for nothing. */
  private boolean stands(Manifest found) {
    return published()
        .map(there -> found != null && there.identity().equals(found.identity()))
        .orElse(found == null);
  }

  /**
   * Names what a task, or the driver, writes: unique to the attempt and to the run, so that a task
   * that is tried again, or a run that was given up for dead, spoils nothing.
   */
  public String attempt() {
    TaskContext task = TaskContext.get();
    return run + "-" + (task == null ? "driver" : Long.toString(task.taskAttemptId()));
  }

  /** A pattern for a file that finds it whichever run and attempt wrote it. */
  public static String ofAnyAttempt(String path) {
    return path.replaceFirst("-[0-9a-f]{8}-(\\d+|driver)(?=\\.[^/]*$)", "-*");
  }

  /** The manifest, if this folder is published. */
  public Optional<Manifest> published() {
    try {
      if (!folder.exists(Manifest.FILE)) {
        return Optional.empty();
      }
      return Optional.of(Manifest.read(folder));
    } catch (Failure unreadable) {
      if (unreadable.kind() == FailureKind.DATA && begun()) {
        // The process died while its file system moved the manifest piece by piece: all units are
        // still there.
        return Optional.empty();
      }
      throw unreadable;
    } catch (IOException e) {
      throw Failure.resources("output %s cannot be reached: %s", folder, e.getMessage())
          .causedBy(e);
    }
  }

  private boolean begun() {
    try {
      return folder.exists(PROGRESS);
    } catch (IOException e) {
      throw Failure.resources("output %s cannot be reached: %s", folder, e.getMessage())
          .causedBy(e);
    }
  }

  /** Fails if the folder, which is not published, holds something else or is a file. */
  public void requireFree() {
    try {
      if (begun()) {
        return;
      }
      if (folder.isFile()) {
        throw Failure.settings("output %s is a file, not a folder: choose another output", folder);
      }
      RemoteIterator<FileStatus> entries = folder.entries();
      while (entries.hasNext()) {
        String name = entries.next().getPath().getName();
        // Another run may have begun, or published, since the checks above: its files may be named
        // before what tells so.
        if (!name.equals(PROGRESS)
            && !name.equals(Manifest.FILE)
            && !begun()
            && !folder.exists(Manifest.FILE)) {
          throw Failure.settings(
              "output %s is not empty and holds no publication (it has %s): choose another output",
              folder, name);
        }
      }
    } catch (IOException e) {
      throw Failure.resources("output %s cannot be reached: %s", folder, e.getMessage())
          .causedBy(e);
    }
  }

  /** Records a unit as finished. Called where the work is done, after its files are closed. */
  public void finished(String unit, List<PublishedFile> files, Object result) throws IOException {
    folder.writeText(unitPath(unit), Json.pretty(new Unit(unit, files, Json.tree(result))));
  }

  /** What is known of a unit, if it is finished. */
  public Optional<Unit> unit(String name) {
    String path = unitPath(name);
    try {
      Unit unit = Json.read(folder.readText(path), Unit.class, folder.resolve(path));
      return Optional.ofNullable(unit).filter(found -> name.equals(found.name()));
    } catch (FileNotFoundException notYet) {
      return Optional.empty();
    } catch (Failure cutOff) {
      // The process died while it wrote the record.
      return Optional.empty();
    } catch (IOException e) {
      throw Failure.resources("%s cannot be read: %s", folder.resolve(path), e.getMessage())
          .causedBy(e);
    }
  }

  /** A place for state that a unit keeps while it works; removed when the folder is published. */
  public String scratchPath(String name) {
    return progressPath("state/" + name);
  }

  /** {@link #publish} in a folder that held nothing. */
  public Manifest publish(
      Claim claim,
      Record settings,
      List<Manifest.Input> inputs,
      List<PublishedFile> files,
      List<TableSchema> tables,
      Provenance provenance,
      Object summary) {
    return publish(claim, null, settings, inputs, files, tables, provenance, summary);
  }

  /**
   * Writes the manifest, if there is still what there was and every file is as it was written, then
   * removes what it does not name.
   *
   * @param extended the manifest that this one takes the place of; null for none
   * @param settings as {@link #open} had them
   * @param files sorted by path before they are written
   * @param tables what they may belong to; those that have no file are not told of
   */
  public Manifest publish(
      Claim claim,
      Manifest extended,
      Record settings,
      List<Manifest.Input> inputs,
      List<PublishedFile> files,
      List<TableSchema> tables,
      Provenance provenance,
      Object summary) {
    List<PublishedFile> sorted = new ArrayList<>(files);
    sorted.sort(Comparator.comparing(PublishedFile::path));
    Manifest manifest =
        new Manifest(
            kind,
            Manifest.VERSION,
            identity,
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            Identity.resultSettings(settings),
            inputs,
            sorted,
            Json.tree(schema(sorted, tables)),
            provenance,
            Json.tree(summary));
    try {
      Map<String, Long> there = folder.sizes("");
      requireAsWritten(sorted, there);
      if (there.containsKey(Manifest.FILE) && published().isEmpty()) {
        // Cut off: see published().
        folder.delete(Manifest.FILE);
      }
      claim.confirm();
      if (!write(manifest, extended)) {
        throw Failure.busy("output %s was published by another run meanwhile", folder);
      }
      claim.done();
      removeUnnamed(sorted, there.keySet());
    } catch (IOException e) {
      throw Failure.resources(
              "%s cannot be written: %s", folder.resolve(Manifest.FILE), e.getMessage())
          .causedBy(e);
    }
    return manifest;
  }

  /** Writes the manifest where nothing stands, or in place of what still stands. */
  private boolean write(Manifest manifest, Manifest extended) throws IOException {
    if (extended == null) {
      return folder.writeOnce(Manifest.FILE, progressPath(Manifest.FILE), Json.pretty(manifest));
    }
    if (!stands(extended)) {
      return false;
    }
    folder.replaceText(Manifest.FILE, Json.pretty(manifest));
    return true;
  }

  /**
   * The declarations of the tables that files belong to, in the order in which they are declared.
   */
  private static List<TableSchema> schema(List<PublishedFile> files, List<TableSchema> tables) {
    Set<String> there = new TreeSet<>();
    files.stream().map(PublishedFile::table).filter(Objects::nonNull).forEach(there::add);
    List<TableSchema> schema = tables.stream().filter(each -> there.contains(each.name())).toList();
    schema.forEach(each -> there.remove(each.name()));
    if (!there.isEmpty()) {
      throw new IllegalArgumentException("tables that are declared nowhere: " + there);
    }
    return schema;
  }

  /** Checksums were taken as the files were written; what lies there now must be of that size. */
  private void requireAsWritten(List<PublishedFile> files, Map<String, Long> there) {
    for (PublishedFile file : files) {
      Long bytes = there.get(file.path());
      if (bytes == null || bytes != file.bytes()) {
        throw Failure.data(
            "%s %s, but %d bytes were written: something else changes this folder; run the job again",
            folder.resolve(file.path()),
            bytes == null ? "does not exist any more" : "has " + bytes + " bytes",
            file.bytes());
      }
    }
  }

  private void removeUnnamed(List<PublishedFile> named, Set<String> there) {
    Set<String> keep = new HashSet<>();
    named.forEach(file -> keep.add(file.path()));
    keep.add(Manifest.FILE);
    try {
      folder.delete(PROGRESS);
      for (String file : there) {
        if (!keep.contains(file) && !file.startsWith(PROGRESS + "/")) {
          folder.delete(file);
        }
      }
    } catch (IOException leftOver) {
      // Published all the same: what the manifest does not name does not exist for any reader.
      LoggerFactory.getLogger(Publication.class)
          .warn("left-over files in {} stay: {}", folder, leftOver.getMessage());
    }
  }

  private String unitPath(String unit) {
    return progressPath(UNIT + Folder.safeName(unit) + ".json");
  }

  private String progressPath(String name) {
    return progressOf(identity) + "/" + name;
  }

  /** The folder of the records of an identity. */
  static String progressOf(String identity) {
    return PROGRESS + "/" + identity.substring(0, Math.min(16, identity.length()));
  }
}
