package dev.ontogeny.data;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
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

  /** The key of the summary that lists what the dataset was before it gained checkpoints. */
  public static final String BEFORE = "before";

  private final Folder folder;
  private final transient Manifest.Input asInput;
  private final transient List<Manifest.Input> before;
  private final Summary summary;
  private final boolean gradients;
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
    public Summary {
      if (heldOutShards == null || sites == null || sites.stream().anyMatch(Objects::isNull)) {
        throw new IllegalArgumentException("held_out_shards or sites is missing");
      }
    }

    /** Whether all vectors of a source are the same, so that nothing can be learnt from it. */
    public boolean isConstant(String site, long checkpoint) {
      return findings != null
          && findings.constant().contains(new CaptureFindings.Source(site, checkpoint));
    }
  }

  /** A site with its checkpoints, ascending. */
  public record Site(String site, int width, List<Long> checkpoints, VectorType dtype)
      implements Serializable {
    public Site {
      if (site == null || width < 1 || checkpoints == null || dtype == null) {
        throw new IllegalArgumentException(
            "a site needs a name, a width of at least 1, checkpoints and a dtype");
      }
      checkpoints = List.copyOf(checkpoints);
    }
  }

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
    this.before = before(manifest);
    this.gradients = gradients(manifest);
    for (PublishedFile file : manifest.files()) {
      files.put(key(file.table(), file.site(), file.checkpoint(), file.shard()), file);
    }
    long tokens = manifest.table("tokens").count();
    if (summary.shards() != tokens) {
      throw Failure.data(
          "%s says %d shards and names %d files of tokens",
          folder.resolve(Manifest.FILE), summary.shards(), tokens);
    }
  }

  /** Manifests of old do not tell, and count as without. */
  private static boolean gradients(Manifest manifest) {
    return manifest.schema() != null
        && manifest
            .schema(DatasetTables.VECTORS.name())
            .map(vectors -> vectors.names().contains("gradient"))
            .orElse(false);
  }

  /** What a dataset was before it gained checkpoints, the first state first. */
  public static List<Manifest.Input> before(Manifest manifest) {
    JsonNode states = manifest.summary().get(BEFORE);
    return states == null
        ? List.of()
        : List.of(
            Json.fromTree(states, Manifest.Input[].class, "'before' of a dataset's manifest"));
  }

  /**
   * Whether all of a dataset is here as it was: it is this one, or this one has gained checkpoints
   * since. On the driver only.
   */
  public boolean holds(Manifest.Input other) {
    return asInput.same(other) || before.stream().anyMatch(state -> state.same(other));
  }

  /**
   * Requires an earlier publication, from which a job takes what is unchanged, to be made out of
   * this dataset, or out of what it was before it gained checkpoints. On the driver only.
   *
   * @param manifest of that publication
   * @param made what the job did, for messages: {@code measured}
   * @param of how that word goes on to a dataset: {@code on}
   * @throws Failure of kind settings if it was made with other settings or of another dataset
   */
  public void requireContinues(
      Folder from, Manifest manifest, Record settings, String made, String of) {
    List<String> differ =
        Identity.differences(manifest.settings(), Identity.resultSettings(settings));
    if (!differ.isEmpty()) {
      throw Failure.settings(
          "continue-from %s was %s with other settings (%s): nothing of it can be taken",
          from, made, String.join(", ", differ));
    }
    boolean same =
        manifest.inputs().stream()
            .filter(input -> input.kind().equals("dataset"))
            .allMatch(this::holds);
    if (!same) {
      throw Failure.settings(
          "continue-from %s was %s %s another dataset than %s, not %s an earlier state of it: nothing of it can be taken",
          from, made, of, folder, of);
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

  /** Whether there are gradients beside the activations, at every source. */
  public boolean hasGradients() {
    return gradients;
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

  /** The vectors of some rows of a shard. */
  public VectorRows vectorRows(String site, long checkpoint, int shard) throws IOException {
    Site of = site(site);
    return VectorRows.open(
        folder,
        file("vectors", site, checkpoint, shard).path(),
        "activation",
        of.dtype(),
        of.width());
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
