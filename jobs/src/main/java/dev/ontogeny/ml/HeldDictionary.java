package dev.ontogeny.ml;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.spark.ProcessCache;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A published folder of one dictionary, in memory, file by file as it was published. Memory: the
 * bytes of its files, 8 · D · F for the most part.
 */
final class HeldDictionary implements Serializable {
  private static final long serialVersionUID = 1;

  /** What an array holds. */
  private static final long LARGEST = Integer.MAX_VALUE - 8;

  private static final ProcessCache<Dictionary> READ = new ProcessCache<>();

  private final String id;
  private final String digest;
  private final String manifest;
  private final TreeMap<String, byte[]> files;

  private HeldDictionary(String id, String digest, String manifest, Map<String, byte[]> files) {
    this.id = id;
    this.digest = digest;
    this.manifest = manifest;
    this.files = new TreeMap<>(files);
  }

  /**
   * Reads a dictionary of a published folder.
   *
   * @param id of the dictionary; null for the only one
   * @throws Failure of settings if there is none of that id, or several and none is named; of data
   *     if a file is not what the manifest says, or is too large for this form
   */
  static HeldDictionary read(Folder folder, String id) {
    DictionaryFolder opened = DictionaryFolder.open(folder);
    List<String> ids = opened.dictionaries().stream().map(DictionaryMetadata::id).toList();
    if (id == null ? ids.size() != 1 : !ids.contains(id)) {
      throw Failure.settings(
          "%s holds the dictionaries %s: %s",
          folder, ids, id == null ? "name one of them" : "'" + id + "' is none of them");
    }
    String wanted = id == null ? ids.get(0) : id;
    Manifest all = Manifest.read(folder, "dictionaries");
    List<PublishedFile> own =
        all.files().stream().filter(each -> each.path().startsWith(wanted + "/")).toList();
    TreeMap<String, byte[]> files = new TreeMap<>();
    for (PublishedFile file : own) {
      files.put(file.path(), bytes(folder, file));
    }
    String digest =
        own.stream().map(PublishedFile::sha256).sorted().collect(Collectors.joining(" "));
    return new HeldDictionary(wanted, digest, Json.pretty(ofThese(all, own)), files);
  }

  /** What the manifest says where a folder holds one dictionary of those that it held. */
  private static Manifest ofThese(Manifest all, List<PublishedFile> own) {
    if (own.size() == all.files().size()) {
      return all;
    }
    ObjectNode summary = all.summary().deepCopy();
    summary.put("dictionaries", 1);
    return new Manifest(
        all.kind(),
        all.version(),
        all.identity(),
        all.created(),
        all.settings(),
        all.inputs(),
        own,
        all.schema(),
        all.provenance(),
        summary);
  }

  private static byte[] bytes(Folder folder, PublishedFile file) {
    String path = folder.resolve(file.path());
    if (file.bytes() > LARGEST) {
      throw Failure.resources(
          "%s has %d bytes, more than a Spark ML model can hold (2 GiB): use such a dictionary by the commands measure and evolve",
          path, file.bytes());
    }
    try (InputStream in = folder.open(file.path())) {
      byte[] bytes = in.readAllBytes();
      if (!Identity.sha256(bytes).equals(file.sha256())) {
        throw Failure.data("%s has other bytes than its manifest says", path);
      }
      return bytes;
    } catch (IOException e) {
      throw Failure.resources("%s cannot be read: %s", path, e.getMessage()).causedBy(e);
    }
  }

  /** Writes the folder as it was published, the manifest last. */
  void write(Folder folder) {
    try {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        folder.write(file.getKey(), null, out -> out.write(file.getValue()));
      }
      folder.writeText(Manifest.FILE, manifest);
    } catch (IOException e) {
      throw Failure.resources("%s cannot be written to: %s", folder, e.getMessage()).causedBy(e);
    }
  }

  /** What {@code dictionary.json} says. */
  DictionaryMetadata metadata() {
    String path = id + "/dictionary.json";
    return Json.read(
        new String(files.get(path), StandardCharsets.UTF_8), DictionaryMetadata.class, path);
  }

  /** Its tensors; of equal ones a process reads one. */
  Dictionary dictionary() {
    String path = id + "/dictionary.safetensors";
    byte[] tensors = files.get(path);
    try {
      return READ.get(
          digest, () -> DictionaryFormat.read(metadata(), new ByteArrayInputStream(tensors), path));
    } catch (IOException e) {
      throw Failure.data("%s cannot be read: %s", path, e.getMessage()).causedBy(e);
    }
  }

  /** Paths and bytes of its files, for comparisons. */
  Map<String, byte[]> files() {
    return files;
  }

  /** The sites and checkpoints that it reads and reconstructs, in the order of its columns. */
  List<RowsAsCapture.Origin> origins() {
    return metadata().sources().stream()
        .map(each -> new RowsAsCapture.Origin(each.site(), each.checkpoint()))
        .toList();
  }
}
