package dev.ontogeny.data;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Json;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A published folder of dictionaries. Only the metadata is read when it is opened; tensors are read
 * where they are used.
 *
 * @param folder where it is
 * @param asInput as an input of the next publication
 * @param dictionaries what it holds, by id
 */
public record DictionaryFolder(
    Folder folder, Manifest.Input asInput, List<DictionaryMetadata> dictionaries) {

  /** Opens a published folder. */
  public static DictionaryFolder open(Folder folder) {
    Manifest manifest = Manifest.read(folder, "dictionaries");
    List<DictionaryMetadata> found = new ArrayList<>();
    for (PublishedFile file : manifest.files()) {
      if (file.path().endsWith("/dictionary.json")) {
        found.add(metadata(folder, file.path()));
      }
    }
    found.sort(Comparator.comparing(DictionaryMetadata::id));
    return new DictionaryFolder(folder, manifest.asInput(folder.toString()), List.copyOf(found));
  }

  private static DictionaryMetadata metadata(Folder folder, String path) {
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

  /** A dictionary of {@code folder}, its tensors included. */
  public static Dictionary read(Folder folder, String id) throws IOException {
    return read(folder, metadata(folder, id + "/dictionary.json"));
  }

  /** The tensors of a dictionary of {@code folder}. */
  public static Dictionary read(Folder folder, DictionaryMetadata metadata) throws IOException {
    String path = metadata.id() + "/dictionary.safetensors";
    try (InputStream in = folder.open(path)) {
      return DictionaryFormat.read(metadata, in, folder.resolve(path));
    }
  }
}
