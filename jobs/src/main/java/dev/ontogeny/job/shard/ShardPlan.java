package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.DatasetTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.TokenOrder;
import dev.ontogeny.data.VectorType;
import dev.ontogeny.data.VectorWriter;
import dev.ontogeny.stats.MomentSums;
import java.io.Serializable;
import java.util.List;
import java.util.Locale;

/**
 * What tasks know before they read a row. Broadcast.
 *
 * @param sources sorted by site, then checkpoint
 * @param texts whether tokens get their texts
 * @param norms by source those that are kept, all where norms are not filtered
 * @param slices of a shard
 * @param slots by shard: its place among the shards that this run writes, −1 where it is finished
 */
record ShardPlan(
    ShardSettings settings,
    Publication publication,
    List<CaptureFooter> files,
    List<Source> sources,
    boolean textDocuments,
    boolean texts,
    List<TableSchema.Column> labels,
    boolean gradient,
    boolean loss,
    TokenOrder order,
    List<ShardNorms.Range> norms,
    int slices,
    int[] slots)
    implements Serializable {

  /**
   * One (site, checkpoint).
   *
   * @param float16 whether its numbers were captured as that
   */
  record Source(
      int index,
      String site,
      long checkpoint,
      int width,
      VectorType type,
      boolean float16,
      long rows)
      implements Serializable {
    int bytes() {
      return width * type.bytes();
    }

    /** The same in another place among the sources. */
    Source at(int place) {
      return new Source(place, site, checkpoint, width, type, float16, rows);
    }

    @Override
    public String toString() {
      return "site " + site + ", checkpoint " + checkpoint;
    }
  }

  /** Bytes that a reader of one vectors file keeps where no setting says otherwise. */
  private static final long GROUP_BYTES = 8L << 20;

  /** Likewise where there are gradients, of which an open writer keeps as many. */
  private static final long GROUP_BYTES_WITH_GRADIENTS = 2L << 20;

  /** Bytes of a page, which an open writer keeps. */
  private static final long PAGE_BYTES = 1L << 18;

  /** Places cut into slices: slice s of shard n is number n·slices + s. */
  TokenOrder sliceOrder() {
    return new TokenOrder(order.base(), Math.multiplyExact(order.shards(), slices));
  }

  /** The key of a place in the shuffle; null where its shard is finished. */
  Integer key(long hash) {
    int slot = slots[order.shard(hash)];
    return slot < 0 ? null : (Integer) (slot * slices + sliceOrder().shard(hash) % slices);
  }

  /**
   * The shape of a source's files: decided by the source alone, never by the cluster nor by how
   * many there are, so that a dataset that gains a checkpoint is the one that is sharded at once.
   */
  VectorWriter.Layout layout(Source source) {
    long groupBytes =
        settings.rowGroupBytes() != null
            ? settings.rowGroupBytes().bytes()
            : gradient ? GROUP_BYTES_WITH_GRADIENTS : GROUP_BYTES;
    long pageBytes = Math.min(groupBytes, PAGE_BYTES);
    return VectorWriter.Layout.of(source.bytes(), gradient, loss, groupBytes, (int) pageBytes);
  }

  TableSchema tokens() {
    return asCaptured(DatasetTables.TOKENS);
  }

  TableSchema rejects() {
    return asCaptured(DatasetTables.REJECTS);
  }

  private TableSchema asCaptured(TableSchema table) {
    return table.asCaptured(textDocuments ? ColumnType.STRING : ColumnType.LONG, labels);
  }

  /** The tables of this dataset. */
  List<TableSchema> tables() {
    TableSchema vectors =
        gradient ? DatasetTables.VECTORS : DatasetTables.VECTORS.without("gradient");
    return List.of(
        tokens(),
        loss ? vectors : vectors.without("loss"),
        DatasetTables.MOMENTS,
        rejects(),
        DatasetTables.CAPTURE);
  }

  /** About the bytes that one token takes in the shuffle, all sources together. */
  long bytesPerToken() {
    long bytes = 48;
    for (Source source : sources) {
      bytes += (gradient ? 2L : 1L) * source.bytes() + 20 + (loss ? 4 : 0);
    }
    return bytes;
  }

  /** Bytes of the accumulators of moments for all sources at once. */
  long momentMemory() {
    return sources.stream().mapToLong(source -> MomentSums.memory(source.width())).sum();
  }

  /** Whether moments are collected while rows pass, or source by source from the finished shard. */
  boolean momentsInPassing() {
    return momentMemory() <= settings.momentBytes().bytes();
  }

  /** Bytes of a task that writes a shard: a slice with its order, open pages, moments. */
  long memoryPerTask() {
    long writers = sources.stream().mapToLong(source -> layout(source).memory()).sum();
    long largest =
        sources.stream().mapToLong(source -> MomentSums.memory(source.width())).max().orElse(0);
    return settings.sliceBytes().bytes() * 3 / 2
        + writers
        + (momentsInPassing() ? momentMemory() : largest)
        + (16L << 20);
  }

  static String unit(int shard) {
    return String.format(Locale.ROOT, "shard-%05d", shard);
  }

  static String momentsUnit(Source source) {
    return String.format(Locale.ROOT, "moments-%05d", source.index());
  }

  /** Where a shard task leaves a source's moments until all shards are merged. */
  String momentsPath(int shard, String attempt, Source source) {
    return publication.scratchPath(
        String.format(
            Locale.ROOT, "moments/shard-%05d-%s/source-%05d", shard, attempt, source.index()));
  }

  /** A file of a shard; {@code source} is null for tables that have none. */
  String path(String table, Source source, int shard, String attempt) {
    return source == null
        ? String.format(Locale.ROOT, "%s/shard-%05d-%s.parquet", table, shard, attempt)
        : String.format(
            Locale.ROOT,
            "%s/%s/checkpoint-%d/shard-%05d-%s.parquet",
            table,
            Folder.safeName(source.site()),
            source.checkpoint(),
            shard,
            attempt);
  }
}
