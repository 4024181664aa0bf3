package dev.ontogeny.data;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.Serializable;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.RemoteIterator;
import org.slf4j.LoggerFactory;

/**
 * A folder on its way to be published. Work is done in named units; each finished unit leaves a
 * small record below {@code _progress/<identity>/}, so that a run cut off half-way does only what
 * is missing. The manifest comes last; publishing removes the records and every file that the
 * manifest does not name. Safe to send to tasks.
 *
 * @param kind of the folder
 * @param identity of what will be published
 */
public record Publication(Folder folder, String kind, String identity) implements Serializable {
  static final String PROGRESS = "_progress";

  /** A unit of work that is finished: its files and what the driver needs to know of it. */
  public record Unit(String name, List<PublishedFile> files, JsonNode result) {}

  /**
   * Begins or resumes. Fails if the folder holds another publication, something that is no
   * publication, or cannot be written to.
   *
   * @param settings decide the identity, together with {@code inputs}
   */
  public static Publication open(
      Folder folder, String kind, Record settings, List<Manifest.Input> inputs) {
    String identity =
        Identity.of(kind, 1, settings, inputs.stream().map(Manifest.Input::identity).toList());
    Publication publication = new Publication(folder, kind, identity);
    Optional<Manifest> there = publication.published();
    if (there.isPresent() && !there.get().identity().equals(identity)) {
      throw Failure.settings(
          "output %s already holds %s of other settings or inputs (identity %s, this run's is %s): choose another output or delete it",
          folder,
          there.get().kind(),
          there.get().identity().substring(0, 12),
          identity.substring(0, 12));
    }
    if (there.isEmpty()) {
      publication.claim();
    }
    return publication;
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
        // A file system that moves files in pieces lost its process: the units are all there still.
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

  private void claim() {
    try {
      if (!begun()) {
        if (folder.isFile()) {
          throw Failure.settings(
              "output %s is a file, not a folder: choose another output", folder);
        }
        RemoteIterator<FileStatus> entries = folder.entries();
        if (entries.hasNext()) {
          throw Failure.settings(
              "output %s is not empty and holds no publication (it has %s): choose another output",
              folder, entries.next().getPath().getName());
        }
      }
      folder.writeText(progressPath("_started.json"), "{}\n");
    } catch (IOException e) {
      throw Failure.resources("output %s cannot be written to: %s", folder, e.getMessage())
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

  /**
   * Writes the manifest, then removes what it does not name.
   *
   * @param files sorted by path before they are written
   * @param settings as {@link #open} had them
   */
  public Manifest publish(
      Record settings,
      List<Manifest.Input> inputs,
      List<PublishedFile> files,
      Provenance provenance,
      Object summary) {
    List<PublishedFile> sorted = new ArrayList<>(files);
    sorted.sort(Comparator.comparing(PublishedFile::path));
    Manifest manifest =
        new Manifest(
            kind,
            1,
            identity,
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            Identity.resultSettings(settings),
            inputs,
            sorted,
            provenance,
            Json.tree(summary));
    try {
      folder.writeWhole(Manifest.FILE, progressPath(Manifest.FILE), Json.pretty(manifest));
    } catch (IOException e) {
      throw Failure.resources(
              "%s cannot be written: %s", folder.resolve(Manifest.FILE), e.getMessage())
          .causedBy(e);
    }
    removeUnnamed(sorted);
    return manifest;
  }

  private void removeUnnamed(List<PublishedFile> named) {
    Set<String> keep = new HashSet<>();
    named.forEach(file -> keep.add(file.path()));
    keep.add(Manifest.FILE);
    try {
      folder.delete(PROGRESS);
      for (String file : folder.list("")) {
        if (!keep.contains(file)) {
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
    return progressPath("unit-" + unit.replace('/', '~') + ".json");
  }

  private String progressPath(String name) {
    return PROGRESS + "/" + identity.substring(0, 16) + "/" + name;
  }
}
