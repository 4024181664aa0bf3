package dev.ontogeny.export;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import java.io.IOException;
import java.util.List;

/**
 * A peer's format: a folder for each dictionary, with a file of tensors and one of JSON. It reads
 * and writes one dictionary at a time, in memory.
 */
public interface PeerFormat {
  /** As settings write it. */
  String key();

  /** Which files these are and which types they know, in a sentence for people. */
  String summary();

  /** The file of tensors. */
  String tensorFile();

  /** The file of JSON, which tells a folder of the format. */
  String configFile();

  /**
   * Why a dictionary cannot be said in the format, by what its description tells; null where it
   * can. What only tensors tell is a failure of {@link #write}.
   */
  String refusal(DictionaryMetadata dictionary);

  /**
   * Writes one.
   *
   * @param path of its folder within {@code folder}
   * @return what was written, tensors first
   * @throws dev.ontogeny.run.Failure of data where its tensors have what the format cannot say
   */
  List<PublishedFile> write(Folder folder, String path, Dictionary dictionary, Origin origin)
      throws IOException;

  /**
   * Reads the one in a folder.
   *
   * @throws dev.ontogeny.run.Failure of data that names file, key or tensor, what stands there and
   *     what should
   */
  Imported read(Folder folder) throws IOException;
}
