package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFindings;
import dev.ontogeny.data.DatasetTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.stats.GeometricMedian;
import dev.ontogeny.stats.MomentState;
import dev.ontogeny.stats.SourceSketch;
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

  private final Broadcast<ShardPlan> plan;
  private final String[] attempts;

  /** {@code attempts[shard]} wrote that shard and left its moments. */
  ShardMomentsTask(Broadcast<ShardPlan> plan, String[] attempts) {
    this.plan = plan;
    this.attempts = attempts.clone();
  }

  /**
   * What the driver needs to know of a source.
   *
   * @param sketch of its first rows, for comparison with other checkpoints
   */
  record Merged(
      long rows, double medianNorm, long sinks, long zeros, boolean constant, String sketch) {}

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
    FloatMatrix sample = sample(shardPlan, source);
    Moments moments =
        merged.moments(
            source.site(),
            source.checkpoint(),
            GeometricMedian.of(
                sample.values(),
                Math.min(sample.rows(), shardPlan.settings().geometricMedianRows()),
                source.width()));
    String path =
        String.format(
            Locale.ROOT,
            "moments/%s/checkpoint-%d-%s.parquet",
            Folder.safeName(source.site()),
            source.checkpoint(),
            shardPlan.publication().attempt());
    try (TableWriter writer = TableWriter.open(folder, path, DatasetTables.MOMENTS)) {
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
              new Merged(
                  merged.rows(),
                  merged.medianNorm(),
                  merged.normsBeyond(CaptureFindings.SINK),
                  merged.zeros(),
                  merged.isConstant(),
                  SourceSketch.of(
                          sample.values(),
                          Math.min(sample.rows(), SourceSketch.ROWS),
                          source.width(),
                          source.site())
                      .stored()));
    }
  }

  /** Rows that a sample has at most. */
  private static int most(int width) {
    return (int) (SAMPLE_BYTES / 4 / width);
  }

  /** The first rows of which a sketch is made. */
  static int sketched(int width) {
    return Math.min(SourceSketch.ROWS, most(width));
  }

  /** The first rows of the dataset, shard after shard. */
  private FloatMatrix sample(ShardPlan shardPlan, ShardPlan.Source source) throws IOException {
    int wanted =
        Math.min(
            Math.max(SourceSketch.ROWS, shardPlan.settings().geometricMedianRows()),
            most(source.width()));
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
    return sample.firstRows(read);
  }
}
