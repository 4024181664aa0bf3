package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureFile;
import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureFooter.RowGroup;
import dev.ontogeny.data.CaptureFooter.SourceRows;
import dev.ontogeny.data.VectorForm;
import dev.ontogeny.data.VectorForm.NumberType;
import dev.ontogeny.job.Job;
import dev.ontogeny.run.SettingsReader;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;

/** Plans the sharding of a capture that is only told of: by the footers that it would have. */
public final class ShardScale {
  private static final int ROW_GROUPS = 8;

  private ShardScale() {}

  /**
   * A plan, how many shards, and what the driver holds.
   *
   * @param files of the capture
   */
  public record Scaled(Job.Plan plan, int files, int shards, Serializable held) {}

  /**
   * A capture of one site in float16, in files of 1 GiB with eight row groups each.
   *
   * @param rows of each checkpoint
   */
  public static Scaled plan(
      SparkSession spark, String site, int width, List<Long> checkpoints, long rows) {
    long perGroup = (128L << 20) / (2L * width);
    List<CaptureFooter> footers = new ArrayList<>();
    for (long checkpoint : checkpoints) {
      for (long from = 0; from < rows; from += ROW_GROUPS * perGroup) {
        List<RowGroup> groups = new ArrayList<>();
        long count = 0;
        for (int i = 0; i < ROW_GROUPS && from + count < rows; i++) {
          long here = Math.min(perGroup, rows - from - count);
          groups.add(new RowGroup(here, here * 2 * width));
          count += here;
        }
        String location =
            "s3a://bucket/capture/checkpoint=" + checkpoint + "/part-" + from + ".parquet";
        footers.add(
            new CaptureFooter(
                new CaptureFile(
                    location, count * 2 * width, null, checkpoint, null, "0123456789abcdef"),
                "0".repeat(64),
                true,
                new VectorForm(VectorForm.Layout.LIST, NumberType.FLOAT16, 0, false),
                null,
                Map.of(site, width),
                true,
                true,
                false,
                List.of(),
                groups,
                List.of(new SourceRows(site, checkpoint, count)),
                Map.of()));
      }
    }
    ShardSettings settings =
        SettingsReader.read(
            ShardSettings.class,
            "shard",
            null,
            List.of("input=[\"s3a://bucket/capture\"]", "output=s3a://bucket/dataset"));
    ShardCapture capture = new ShardCapture(settings, footers, Map.of());
    ShardPlan plan = Shard.plan(settings, capture, null, ShardNorms.all(capture));
    return new Scaled(
        Shard.plan(spark, settings, capture), footers.size(), plan.order().shards(), plan);
  }
}
