package dev.ontogeny.data;

import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A published dataset: row i of a tokens shard is row i of every vectors shard of that number.
 * Opened on the driver from the manifest; safe to broadcast.
 */
public final class ShardedDataset implements Serializable {
  private static final long serialVersionUID = 1;

  private final Folder folder;
  private final transient Manifest.Input asInput;
  private final Summary summary;
  private final HashMap<String, PublishedFile> files = new HashMap<>();

  /** {@code summary} of the manifest; {@code findings} is null in those of old. */
  public record Summary(
      long rows,
      int shards,
      List<Integer> heldOutShards,
      List<Site> sites,
      Map<String, Long> dropped,
      Mixing mixing,
      CaptureFindings findings)
      implements Serializable {
    /** Whether all vectors of a source are the same, so that nothing can be learnt from it. */
    public boolean isConstant(String site, long checkpoint) {
      return findings != null
          && findings.constant().contains(new CaptureFindings.Source(site, checkpoint));
    }
  }

  /** A site with its checkpoints, ascending. */
  public record Site(String site, int width, List<Long> checkpoints, VectorType dtype)
      implements Serializable {}

  /**
   * How often neighbouring rows come from one document, and how often they would in a random order.
   */
  public record Mixing(double neighboursSameDocument, double expected) implements Serializable {}

  /** Opens a published dataset. */
  public static ShardedDataset open(Folder folder) {
    return new ShardedDataset(folder, Manifest.read(folder, "dataset"));
  }

  private ShardedDataset(Folder folder, Manifest manifest) {
    this.folder = folder;
    this.summary = manifest.summary(Summary.class);
    this.asInput = manifest.asInput(folder.toString());
    for (PublishedFile file : manifest.files()) {
      files.put(key(file.table(), file.site(), file.checkpoint(), file.shard()), file);
    }
  }

  /** As an input of the next publication; on the driver only. */
  public Manifest.Input asInput() {
    return asInput;
  }

  public Folder folder() {
    return folder;
  }

  public Summary summary() {
    return summary;
  }

  /** The site of that name; fails naming those there are. */
  public Site site(String name) {
    return summary.sites().stream()
        .filter(site -> site.site().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                Failure.settings(
                    "dataset %s has no site %s; it has %s",
                    folder, name, summary.sites().stream().map(Site::site).toList()));
  }

  public boolean heldOut(int shard) {
    return summary.heldOutShards().contains(shard);
  }

  /** The tokens file of a shard. */
  public PublishedFile tokensFile(int shard) {
    return file("tokens", null, null, shard);
  }

  /** The vectors file of a shard. */
  public PublishedFile vectorsFile(String site, long checkpoint, int shard) {
    return file("vectors", site, checkpoint, shard);
  }

  public long rows(int shard) {
    return tokensFile(shard).rows();
  }

  /** The vectors of a shard, in the order of its tokens. */
  public VectorReader vectors(String site, long checkpoint, int shard) throws IOException {
    return vectors("activation", site, checkpoint, shard);
  }

  /** The gradients of a shard, in the order of its tokens. */
  public VectorReader gradients(String site, long checkpoint, int shard) throws IOException {
    return vectors("gradient", site, checkpoint, shard);
  }

  /** The moments of one (site, checkpoint). */
  public Moments moments(String site, long checkpoint) throws IOException {
    for (PublishedFile file : files.values()) {
      boolean another =
          file.site() != null
              && !(file.site().equals(site) && Objects.equals(file.checkpoint(), checkpoint));
      if (another || !Objects.equals(file.table(), "moments")) {
        continue;
      }
      try (TableReader reader =
          TableReader.open(
              folder,
              DatasetTables.MOMENTS,
              file.path(),
              "site",
              "checkpoint",
              "rows",
              "mean",
              "covariance",
              "mean_norm",
              "mean_square_norm",
              "minimum",
              "maximum",
              "geometric_median")) {
        for (Object[] row = reader.next(); row != null; row = reader.next()) {
          if (row[0].equals(site) && row[1].equals(checkpoint)) {
            return new Moments(
                site,
                checkpoint,
                (Long) row[2],
                (double[]) row[3],
                (double[]) row[4],
                (Double) row[5],
                (Double) row[6],
                (double[]) row[7],
                (double[]) row[8],
                (double[]) row[9]);
          }
        }
      }
    }
    throw Failure.data(
        "dataset %s has no moments of site %s at checkpoint %d", folder, site, checkpoint);
  }

  private VectorReader vectors(String column, String site, long checkpoint, int shard)
      throws IOException {
    Site of = site(site);
    return VectorReader.open(
        folder, file("vectors", site, checkpoint, shard).path(), column, of.dtype(), of.width());
  }

  private PublishedFile file(String table, String site, Long checkpoint, int shard) {
    PublishedFile file = files.get(key(table, site, checkpoint, shard));
    if (file == null) {
      throw Failure.data(
          "dataset %s has no %s of site %s, checkpoint %s, shard %d",
          folder, table, site, checkpoint, shard);
    }
    return file;
  }

  private static String key(String table, String site, Long checkpoint, Integer shard) {
    return table + "\0" + site + "\0" + checkpoint + "\0" + shard;
  }
}
