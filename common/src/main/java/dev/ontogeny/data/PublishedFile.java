package dev.ontogeny.data;

import java.io.Serializable;

/**
 * A file that a manifest names. {@code shard}, {@code site}, {@code checkpoint} and {@code
 * dictionary} are null where they do not apply.
 *
 * @param path relative to the folder
 * @param rows rows of a table; tensors and JSON count as one
 */
public record PublishedFile(
    String path,
    long bytes,
    long rows,
    String sha256,
    String table,
    Integer shard,
    String site,
    Long checkpoint,
    String dictionary)
    implements Serializable {

  /** A file of a table that belongs to no shard, site, checkpoint or dictionary. */
  public static PublishedFile of(String path, long bytes, long rows, String sha256, String table) {
    return new PublishedFile(path, bytes, rows, sha256, table, null, null, null, null);
  }

  public PublishedFile ofShard(int number) {
    return new PublishedFile(
        path, bytes, rows, sha256, table, number, site, checkpoint, dictionary);
  }

  public PublishedFile ofSource(String ofSite, long ofCheckpoint) {
    return new PublishedFile(
        path, bytes, rows, sha256, table, shard, ofSite, ofCheckpoint, dictionary);
  }

  public PublishedFile ofDictionary(String id) {
    return new PublishedFile(path, bytes, rows, sha256, table, shard, site, checkpoint, id);
  }
}
