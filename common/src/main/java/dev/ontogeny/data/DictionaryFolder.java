package dev.ontogeny.data;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import java.io.BufferedOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A published folder of dictionaries. Only the metadata is read when it is opened; tensors are read
 * where they are used.
 *
 * @param folder where it is
 * @param asInput as an input of the next publication
 * @param dictionaries what it holds, by id
 * @param contents by id a digest of the dictionary's files
 */
public record DictionaryFolder(
    Folder folder,
    Manifest.Input asInput,
    List<DictionaryMetadata> dictionaries,
    Map<String, String> contents) {

  /** Opens a published folder. */
  public static DictionaryFolder open(Folder folder) {
    Manifest manifest = Manifest.read(folder, "dictionaries");
    List<DictionaryMetadata> found = new ArrayList<>();
    for (PublishedFile file : manifest.files()) {
      if (file.path().endsWith("/dictionary.json")) {
        DictionaryMetadata metadata = metadata(folder, file.path());
        if (!file.path().equals(metadata.id() + "/dictionary.json")) {
          throw Failure.data(
              "%s describes a dictionary '%s': the id should be the name of its folder",
              folder.resolve(file.path()), metadata.id());
        }
        found.add(metadata);
      }
    }
    found.sort(Comparator.comparing(DictionaryMetadata::id));
    Map<String, String> contents = new TreeMap<>();
    for (DictionaryMetadata each : found) {
      contents.put(each.id(), content(manifest, each.id()));
    }
    return new DictionaryFolder(
        folder, manifest.asInput(folder.toString()), List.copyOf(found), contents);
  }

  private static String content(Manifest manifest, String id) {
    return Identity.sha256(
        manifest.files().stream()
            .filter(file -> id.equals(file.dictionary()))
            .map(file -> file.path() + " " + file.sha256())
            .sorted()
            .collect(Collectors.joining("\n"))
            .getBytes(StandardCharsets.UTF_8));
  }

  /** What {@code path} in a published folder says of a dictionary. */
  public static DictionaryMetadata metadata(Folder folder, String path) {
    try {
      return Json.read(folder.readText(path), DictionaryMetadata.class, folder.resolve(path));
    } catch (FileNotFoundException e) {
      throw Failure.data("%s is named by the manifest but does not exist", folder.resolve(path))
          .causedBy(e);
    } catch (IOException e) {
      throw Failure.resources("%s cannot be read: %s", folder.resolve(path), e.getMessage())
          .causedBy(e);
    }
  }

  /** Writes a dictionary as {@link #read} finds it: tensors with a probe batch, then metadata. */
  public static List<PublishedFile> write(
      Folder folder,
      DictionaryMetadata metadata,
      Dictionary dictionary,
      DictionaryFormat.Probe probe)
      throws IOException {
    String id = metadata.id();
    byte[] json = Json.pretty(metadata).getBytes(StandardCharsets.UTF_8);
    return List.of(
        folder
            .write(
                id + "/dictionary.safetensors",
                null,
                out -> {
                  OutputStream buffered = new BufferedOutputStream(out, 1 << 20);
                  DictionaryFormat.write(dictionary, probe, buffered);
                  buffered.flush();
                })
            .ofDictionary(id),
        folder.write(id + "/dictionary.json", null, out -> out.write(json)).ofDictionary(id));
  }

  /** A dictionary of {@code folder}, its tensors included. */
  public static Dictionary read(Folder folder, String id) throws IOException {
    return read(folder, metadata(folder, id + "/dictionary.json"));
  }

  /** The tensors of a dictionary of {@code folder}. */
  public static Dictionary read(Folder folder, DictionaryMetadata metadata) throws IOException {
    String path = metadata.id() + "/dictionary.safetensors";
    try (InputStream in = folder.open(path)) {
      return DictionaryFormat.read(metadata, in, folder.resolve(path));
    } catch (FileNotFoundException e) {
      throw Failure.data("%s is missing beside its dictionary.json", folder.resolve(path))
          .causedBy(e);
    }
  }
}
