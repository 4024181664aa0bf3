package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What lies in a folder of ours and is needed by nobody: all that its manifest does not name, and,
 * where a run has begun since and not finished, that the run does not need to go on. It needs the
 * finished units and the state of its identity, which is the one that was begun last; claims are
 * left to the runs. A published folder has such a run where a dataset gains checkpoints.
 *
 * <p>What is removed is removed under a {@link Claim}, and looked for once that is held: nobody
 * begins, goes on or publishes there meanwhile, and where somebody is at work nothing is removed.
 */
public final class Leftovers {
  private Leftovers() {}

  /**
   * A file, or a folder in which nothing is needed.
   *
   * @param path below the folder; a folder's ends with a slash
   */
  public record Leftover(String path, long bytes) {}

  /**
   * The folders to look into: this one if it is published or begun, otherwise those that lie
   * directly in it and are.
   *
   * @throws Failure of usage if there is none
   */
  public static List<Folder> publications(Folder folder) {
    try {
      if (isPublication(folder)) {
        return List.of(folder);
      }
      List<Folder> found = new ArrayList<>();
      if (!folder.isFile()) {
        for (Folder each : folder.folders()) {
          if (isPublication(each)) {
            found.add(each);
          }
        }
      }
      if (found.isEmpty()) {
        throw Failure.usage(
            "%s is no publication and holds none (%s): name a folder that a job published or began, or one that holds such folders",
            folder,
            !folder.exists("")
                ? "it does not exist"
                : folder.isFile()
                    ? "it is a file"
                    : "neither it nor a folder directly in it has " + Manifest.FILE);
      }
      return found;
    } catch (IOException e) {
      throw unreachable(folder, e);
    }
  }

  /**
   * Looks and changes nothing.
   *
   * @throws Failure of kind busy if a run is at work there
   */
  public static List<Leftover> find(Folder folder) {
    return find(folder, Claim.Timing.USUAL);
  }

  static List<Leftover> find(Folder folder, Claim.Timing timing) {
    try {
      Publication looking = Publication.toHold(folder, "prune");
      Claim.requireNone(looking, timing);
      return gather(looking).left();
    } catch (IOException e) {
      throw unreachable(folder, e);
    }
  }

  /**
   * Removes them, and tells what was removed.
   *
   * @throws Failure of kind busy if a run is at work there
   */
  public static List<Leftover> remove(Folder folder) {
    return remove(folder, Claim.Timing.USUAL);
  }

  static List<Leftover> remove(Folder folder, Claim.Timing timing) {
    if (find(folder, timing).isEmpty()) {
      // A claim would have to be written.
      return List.of();
    }
    Publication holding = Publication.toHold(folder, "prune");
    try (Claim claim = Claim.take(holding, timing)) {
      Found found = gather(holding);
      claim.confirm();
      for (Leftover each : found.left()) {
        if (!found.goesOn() && each.path().startsWith(Publication.PROGRESS + "/")) {
          // With the claim, which is held until the last.
          continue;
        }
        folder.deleteWithEmptyParents(each.path().replaceFirst("/$", ""));
      }
      if (!found.goesOn()) {
        claim.done();
      }
      return found.left();
    } catch (IOException e) {
      throw Failure.resources("%s cannot be cleared: %s", folder, e.getMessage()).causedBy(e);
    }
  }

  /**
   * What there is.
   *
   * @param goesOn whether a run may go on there, so that there is progress to keep
   */
  private record Found(List<Leftover> left, boolean goesOn) {}

  /** All but the claim of whoever looks. */
  private static Found gather(Publication looking) throws IOException {
    Folder folder = looking.folder();
    // In this order: whoever publishes meanwhile wrote all that is listed before the manifest.
    SortedMap<String, Long> there = folder.sizes("");
    there.keySet().removeIf(file -> file.startsWith(Claim.CLAIMS + "/" + looking.run()));
    Optional<Manifest> manifest =
        folder.exists(Manifest.FILE) ? Optional.of(Manifest.read(folder)) : Optional.empty();
    Optional<String> last = lastBegun(folder, there.keySet(), manifest);
    if (manifest.isEmpty() && last.isEmpty()) {
      // A run has only just asked, or published and gone: nothing tells what is needed.
      return new Found(List.of(), true);
    }
    Set<String> needed = new HashSet<>(Set.of(Manifest.FILE));
    manifest.ifPresent(of -> of.files().forEach(file -> needed.add(file.path())));
    if (last.isPresent()) {
      for (String file : there.keySet()) {
        if (file.startsWith(Claim.CLAIMS + "/") || file.startsWith(last.get())) {
          needed.add(file);
        }
        if (file.startsWith(last.get() + Publication.UNIT)) {
          needed.addAll(filesOfUnit(folder, file));
        }
      }
    }
    return new Found(grouped(there, needed), last.isPresent());
  }

  /**
   * The folder of the identity that was begun last, if that was after the manifest was written; its
   * time, then its name decides.
   */
  private static Optional<String> lastBegun(
      Folder folder, Set<String> there, Optional<Manifest> manifest) throws IOException {
    String last = null;
    long when = manifest.isPresent() ? folder.written(Manifest.FILE) : Long.MIN_VALUE;
    String published =
        manifest.map(of -> Publication.progressOf(of.identity())).orElse(Publication.PROGRESS);
    for (String file : there) {
      if (file.startsWith(Publication.PROGRESS + "/")
          && file.endsWith("/" + Publication.STARTED)
          && !file.startsWith(published + "/" + Publication.STARTED)
          && folder.written(file) >= when) {
        when = folder.written(file);
        last = file.substring(0, file.length() - Publication.STARTED.length());
      }
    }
    return Optional.ofNullable(last);
  }

  private static List<String> filesOfUnit(Folder folder, String record) throws IOException {
    try {
      Publication.Unit unit =
          Json.read(folder.readText(record), Publication.Unit.class, folder.resolve(record));
      return unit == null || unit.files() == null
          ? List.of()
          : unit.files().stream().map(PublishedFile::path).toList();
    } catch (Failure cutOff) {
      // Its run died while it wrote the record, so the unit is done again.
      return List.of();
    }
  }

  /** A folder in which nothing is needed is told as one. */
  private static List<Leftover> grouped(SortedMap<String, Long> there, Set<String> needed) {
    Set<String> stay =
        needed.stream()
            .flatMap(file -> above(file).stream())
            .collect(Collectors.toCollection(HashSet::new));
    SortedMap<String, Long> left = new TreeMap<>();
    there.forEach(
        (file, bytes) -> {
          if (!needed.contains(file)) {
            String highest =
                above(file).stream().filter(each -> !stay.contains(each)).findFirst().orElse(file);
            left.merge(highest, bytes, Long::sum);
          }
        });
    return left.entrySet().stream()
        .map(each -> new Leftover(each.getKey(), each.getValue()))
        .toList();
  }

  /** The folders that a file lies in, from the highest on, each with a slash at its end. */
  private static List<String> above(String file) {
    List<String> above = new ArrayList<>();
    for (int cut = file.indexOf('/'); cut >= 0; cut = file.indexOf('/', cut + 1)) {
      above.add(file.substring(0, cut + 1));
    }
    return above;
  }

  private static boolean isPublication(Folder folder) throws IOException {
    return folder.exists(Manifest.FILE) || folder.exists(Publication.PROGRESS);
  }

  private static Failure unreachable(Folder folder, IOException e) {
    return Failure.resources("%s cannot be reached: %s", folder, e.getMessage()).causedBy(e);
  }

  /** The bytes of all of them. */
  public static long bytes(List<Leftover> all) {
    return all.stream().mapToLong(Leftover::bytes).sum();
  }
}
