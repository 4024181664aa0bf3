package dev.ontogeny.job.train;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Identity;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.DictionarySettings;
import dev.ontogeny.type.Fitted;
import dev.ontogeny.type.Pca;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.spark.package$;

/**
 * One dictionary to be fitted by Spark MLlib, at one checkpoint and by itself whatever the mode.
 *
 * @param index place of the checkpoint within the plan
 * @param shards of which the first rows are read
 * @param link hash of everything that decides its bytes
 */
record FittedPlan(
    String id,
    String family,
    int replica,
    int index,
    Source source,
    int width,
    Fitted type,
    long seed,
    List<Integer> shards,
    String link)
    implements Serializable {

  /**
   * Of an entry of the plan.
   *
   * @param site as names of dictionaries tell it
   */
  static FittedPlan of(
      ShardedDataset dataset,
      TrainSettings settings,
      String site,
      DictionarySettings specification,
      int replica,
      int index,
      Source source,
      List<Integer> shards) {
    Fitted type = (Fitted) specification.with(settings.types());
    String family = "independent-" + site + "-" + specification.label();
    String name = family + "-r" + replica;
    if (type instanceof Pca && specification.width() > 2 * source.width()) {
      throw Failure.settings(
          "dictionaries: %s has two latents for each component, and site %s has no more than its %d columns: width can be at most %d, got %d",
          specification.label(),
          source.site(),
          source.width(),
          2 * source.width(),
          specification.width());
    }
    FittedPlan unlinked =
        new FittedPlan(
            name + "-c" + source.checkpoint(),
            family,
            replica,
            index,
            source,
            specification.width(),
            type,
            Seeds.of(settings.seed(), name),
            List.copyOf(shards),
            null);
    return unlinked.linked(dataset, settings);
  }

  private FittedPlan linked(ShardedDataset dataset, TrainSettings settings) {
    ObjectNode node = settings(dataset);
    node.put("id", id);
    node.put("seed", seed);
    node.put("kernel", settings.kernel());
    node.set("source", Json.tree(source));
    node.set("shards", Json.tree(shards));
    node.set("held_out", Json.tree(dataset.summary().heldOutShards()));
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      node.withArray("vectors")
          .add(dataset.vectorsFile(source.site(), source.checkpoint(), shard).sha256());
    }
    String hash = Identity.sha256(Json.line(node).getBytes(StandardCharsets.UTF_8));
    return new FittedPlan(id, family, replica, index, source, width, type, seed, shards, hash);
  }

  /** How many rows there are of those that it wants. */
  long rows(ShardedDataset dataset) {
    return Math.min(type.rows(), shards.stream().mapToLong(dataset::rows).sum());
  }

  /** How it is fitted, as {@code dictionary.json} states it. */
  ObjectNode settings(ShardedDataset dataset) {
    ObjectNode node = Json.object();
    node.put("fitted_by", "Spark MLlib " + package$.MODULE$.SPARK_VERSION());
    node.put("width", width);
    node.set("sparsity", Json.tree(type));
    node.put("rows_read", rows(dataset));
    return node;
  }

  /** Bytes that are read. */
  long bytesRead(ShardedDataset dataset) {
    return rows(dataset) * source.width() * dataset.site(source.site()).dtype().bytes();
  }

  /** Of one pass over the rows: how many there are shows in the end. */
  double operations(ShardedDataset dataset) {
    return 2.0 * rows(dataset) * source.width() * Math.max(width, source.width());
  }

  /**
   * Memory of the task that reads, in bytes: rows as floats, and as the vectors that MLlib keeps.
   */
  long bytes(ShardedDataset dataset) {
    return rows(dataset) * source.width() * (Float.BYTES + Double.BYTES);
  }
}
