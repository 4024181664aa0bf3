package dev.ontogeny.job;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.stats.GeometricMedian;
import dev.ontogeny.stats.MomentState;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;

/**
 * Merges the moments of one source over all shards, in the order of the shards, and adds the
 * geometric median of the first rows. Memory: three sets of moments and the sample.
 */
final class ShardMomentsTask implements VoidFunction<ShardPlan.Source> {
  private static final long serialVersionUID = 1;

  /** The sample of the geometric median takes no more. */
  private static final long SAMPLE_BYTES = 64L << 20;

  private static final TableSchema SCHEMA =
      TableSchema.named("moments")
          .with(ColumnType.STRING, "site")
          .with(ColumnType.LONG, "checkpoint", "rows")
          .with(ColumnType.DOUBLES, "mean", "covariance")
          .with(ColumnType.DOUBLE, "mean_norm", "mean_square_norm")
          .with(ColumnType.DOUBLES, "minimum", "maximum", "geometric_median", "norm_lower")
          .with(ColumnType.LONGS, "norm_count")
          .build();

  private final Broadcast<ShardPlan> plan;
  private final String[] attempts;

  /** {@code attempts[shard]} wrote that shard and left its moments. */
  ShardMomentsTask(Broadcast<ShardPlan> plan, String[] attempts) {
    this.plan = plan;
    this.attempts = attempts.clone();
  }

  @Override
  public void call(ShardPlan.Source source) throws IOException {
    ShardPlan shardPlan = plan.value();
    Folder folder = shardPlan.publication().folder();
    MomentState merged = MomentState.none(source.width());
    for (int shard = 0; shard < attempts.length; shard++) {
      String path = shardPlan.momentsPath(shard, attempts[shard], source);
      try (DataInputStream in =
          new DataInputStream(new BufferedInputStream(folder.open(path), 1 << 16))) {
        merged = merged.merge(MomentState.readFrom(in));
      }
    }
    Moments moments =
        merged.moments(source.site(), source.checkpoint(), geometricMedian(shardPlan, source));
    String path =
        String.format(
            Locale.ROOT,
            "moments/source-%05d-%s.parquet",
            source.index(),
            shardPlan.publication().attempt());
    try (TableWriter writer = TableWriter.open(folder, path, SCHEMA)) {
      writer.write(
          moments.site(),
          moments.checkpoint(),
          moments.rows(),
          moments.mean(),
          moments.covariance(),
          moments.meanNorm(),
          moments.meanSquareNorm(),
          moments.minimum(),
          moments.maximum(),
          moments.geometricMedian(),
          merged.normEdges(),
          merged.normCounts());
      shardPlan
          .publication()
          .finished(
              ShardPlan.momentsUnit(source),
              List.of(writer.finish().ofSource(source.site(), source.checkpoint())),
              "merged");
    }
  }

  /** Of the first rows of the dataset, shard after shard. */
  private double[] geometricMedian(ShardPlan shardPlan, ShardPlan.Source source)
      throws IOException {
    int wanted =
        (int)
            Math.min(shardPlan.settings().geometricMedianRows(), SAMPLE_BYTES / 4 / source.width());
    FloatMatrix sample = FloatMatrix.zeros(wanted, source.width());
    int read = 0;
    for (int shard = 0; shard < attempts.length && read < wanted; shard++) {
      try (VectorReader reader =
          VectorReader.open(
              shardPlan.publication().folder(),
              shardPlan.path("vectors", source, shard, attempts[shard]),
              "activation",
              source.type(),
              source.width())) {
        read += reader.read(sample, read, wanted - read);
      }
    }
    return GeometricMedian.of(sample.values(), read, source.width());
  }
}
