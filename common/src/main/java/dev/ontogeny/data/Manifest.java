package dev.ontogeny.data;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FormatVersion;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Provenance;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * {@code _manifest.json}: written last and in one call, it makes a folder count. A file that it
 * does not name does not exist.
 *
 * @param kind {@code dataset}, {@code dictionaries}, {@code features}, {@code evolution}, {@code
 *     report} or {@code export}
 * @param identity 64 hex digits, see {@link dev.ontogeny.run.Identity}
 * @param created ISO-8601, the only clock in a publication
 * @param settings those that change the result
 * @param schema what the tables hold, as a list of {@link TableSchema}; null in manifests of old
 */
@FormatVersion(Manifest.VERSION)
public record Manifest(
    String kind,
    int version,
    String identity,
    String created,
    JsonNode settings,
    List<Input> inputs,
    List<PublishedFile> files,
    JsonNode schema,
    Provenance provenance,
    JsonNode summary) {

  public Manifest {
    inputs = inputs == null ? List.of() : inputs.stream().toList();
  }

  /** The version this build writes, of the manifest and of all that it names. */
  public static final int VERSION = 1;

  /** The file's name. */
  public static final String FILE = "_manifest.json";

  /**
   * What this publication was made from.
   *
   * @param identity of a publication; of a capture the digest of its content
   * @param path as it was given
   * @param checksums of a publication's files, since another build may make other bytes out of the
   *     same settings; null for a capture
   * @param seen how a capture looked, which tells without reading it whether it may have changed;
   *     null for a publication
   */
  public record Input(String kind, String identity, String path, String checksums, Seen seen) {
    /** All that decides what was read. */
    public String content() {
      return checksums == null ? identity : identity + " " + checksums;
    }

    /** For messages. */
    public String shortened() {
      return identity.substring(0, 12)
          + (checksums == null ? "" : ", files " + checksums.substring(0, 12));
    }

    /** Whether another one has the same content; manifests of old tell no checksums. */
    public boolean same(Input other) {
      return identity.equals(other.identity)
          && (checksums == null || other.checksums == null || checksums.equals(other.checksums));
    }
  }

  /**
   * How a capture looked.
   *
   * @param outline digest of what its files say of themselves: another one means another content
   * @param stamp digest of ETags or times: the same one, with the same outline, means the same
   *     content
   */
  public record Seen(String outline, String stamp) {}

  /** The manifest of a folder that must be published and of a kind. */
  public static Manifest read(Folder folder, String kind) {
    Manifest manifest = read(folder);
    if (!manifest.kind.equals(kind)) {
      throw Failure.data("%s holds %s, %s is needed here", folder, manifest.kind, kind);
    }
    return manifest;
  }

  /** The manifest of a folder of any kind. */
  public static Manifest read(Folder folder) {
    String origin = folder.resolve(FILE);
    try {
      Manifest manifest = Json.read(folder.readText(FILE), Manifest.class, origin);
      manifest.requireSound(origin);
      return manifest;
    } catch (FileNotFoundException e) {
      throw Failure.data("%s is not a published folder: %s", folder, absence(folder)).causedBy(e);
    } catch (IOException e) {
      throw Failure.resources("%s cannot be read: %s", origin, e.getMessage()).causedBy(e);
    }
  }

  /** What readers rely on; nothing that it names lies outside of its folder. */
  private void requireSound(String origin) {
    if (kind == null || identity == null || files == null) {
      throw Failure.data("%s is not a manifest: kind, identity or files is missing", origin);
    }
    if (settings == null || !settings.isObject() || summary == null || !summary.isObject()) {
      throw Failure.data("%s is not a manifest: settings or summary is missing", origin);
    }
    requireDigest(origin, "identity", identity);
    for (Input input : inputs) {
      if (input == null || input.kind == null) {
        throw Failure.data("%s: an input has no kind", origin);
      }
      requireDigest(origin, "the identity of an input", input.identity);
      if (input.checksums != null) {
        requireDigest(origin, "checksums of an input", input.checksums);
      }
    }
    for (PublishedFile file : files) {
      if (file == null || !isOfFolder(file.path())) {
        throw Failure.data(
            "%s names a file '%s', which is no path of a published file: those lie below the folder, have no '..', and do not begin with '_'",
            origin, file == null ? null : file.path());
      }
      if (file.bytes() < 0 || file.rows() < 0) {
        throw Failure.data(
            "%s: %s would have %d bytes and %d rows",
            origin, file.path(), file.bytes(), file.rows());
      }
      requireDigest(origin, "sha256 of " + file.path(), file.sha256());
    }
    requireNoFolder(origin);
  }

  /** What is a file cannot hold others: whoever copied both would find that out halfway. */
  private void requireNoFolder(String origin) {
    TreeSet<String> paths = new TreeSet<>();
    files.forEach(file -> paths.add(file.path()));
    for (String path : paths) {
      String next = paths.ceiling(path + "/");
      if (next != null && next.startsWith(path + "/")) {
        throw Failure.data(
            "%s names '%s' as a file, and as the folder of '%s'", origin, path, next);
      }
    }
  }

  private static boolean isOfFolder(String path) {
    return path != null
        && !path.startsWith("_")
        && path.indexOf('\0') < 0
        && Stream.of(path.split("/", -1)).noneMatch(Set.of("", ".", "..")::contains);
  }

  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  private static void requireDigest(String origin, String what, String found) {
    if (found == null || !DIGEST.matcher(found).matches()) {
      throw Failure.data("%s: %s should be 64 hex digits, it is %s", origin, what, found);
    }
  }

  private static String absence(Folder folder) {
    try {
      if (!folder.exists("")) {
        return "it does not exist";
      } else if (folder.exists(Publication.PROGRESS)) {
        return "a job has begun it and not finished; run that job again and it goes on";
      }
      return "it has no " + FILE;
    } catch (IOException e) {
      return "it has no " + FILE + " (" + e.getMessage() + ")";
    }
  }

  /** As an input of the next publication. */
  public Input asInput(String path) {
    return new Input(kind, identity, path, checksums(), null);
  }

  /** SHA-256 over what each file is and its own checksum, in 64 hex digits; names do not count. */
  private String checksums() {
    MessageDigest digest = Identity.newDigest();
    files.stream()
        .map(
            file ->
                String.join(
                    "\0",
                    String.valueOf(file.table()),
                    String.valueOf(file.shard()),
                    String.valueOf(file.site()),
                    String.valueOf(file.checkpoint()),
                    String.valueOf(file.dictionary()),
                    file.sha256() + "\n"))
        .sorted()
        .forEach(line -> digest.update(line.getBytes(StandardCharsets.UTF_8)));
    return HexFormat.of().formatHex(digest.digest());
  }

  public Stream<PublishedFile> table(String name) {
    return files.stream().filter(file -> Objects.equals(file.table(), name));
  }

  /**
   * The declaration of a table: the one it was published with, or today's where the manifest has
   * none; empty for a table that neither knows.
   */
  public Optional<TableSchema> schema(String table) {
    return schema == null
        ? PublishedTables.find(kind, table)
        : Arrays.stream(Json.fromTree(schema, TableSchema[].class, saying("schema")))
            .filter(each -> each != null && table.equals(each.name()))
            .findFirst();
  }

  /** The summary as a record. */
  public <T> T summary(Class<T> type) {
    return Json.fromTree(summary, type, saying("summary"));
  }

  private String saying(String key) {
    return "'" + key + "' in the " + FILE + " of " + kind + " " + identity.substring(0, 12);
  }
}
