package dev.ontogeny.job;

import dev.ontogeny.data.CaptureColumns;
import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.VectorType;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;

/**
 * The limit of the norm filter: a multiple of the median norm of each source, estimated from up to
 * {@value #ROWS} first rows of up to {@value #ROW_GROUPS} of its row groups, evenly spread. Decided
 * by the capture alone.
 */
final class ShardNorms {
  private static final int ROW_GROUPS = 16;
  private static final int ROWS = 512;

  private ShardNorms() {}

  /** By source; infinite where the filter is off. */
  static double[] limits(JavaSparkContext spark, ShardSettings settings, ShardCapture capture) {
    double[] limits = new double[capture.sources().size()];
    Arrays.fill(limits, Double.POSITIVE_INFINITY);
    if (settings.maximumNormRatio() == null) {
      return limits;
    }
    List<Sample> samples = samples(capture);
    spark.setJobDescription("shard: sample norms from " + samples.size() + " row groups");
    List<double[]> norms =
        spark
            .parallelize(samples, Math.min(samples.size(), 4 * spark.defaultParallelism()))
            .map(new Norms(settings.columns()))
            .collect();
    Map<Integer, List<double[]>> bySource = new HashMap<>();
    for (int i = 0; i < samples.size(); i++) {
      bySource
          .computeIfAbsent(samples.get(i).source().index(), source -> new ArrayList<>())
          .add(norms.get(i));
    }
    bySource.forEach(
        (source, parts) -> {
          double[] all = parts.stream().flatMapToDouble(Arrays::stream).sorted().toArray();
          if (all.length > 0) {
            limits[source] = settings.maximumNormRatio() * all[all.length / 2];
          }
        });
    return limits;
  }

  /** A row group in which a source's first rows are looked at. */
  private record Sample(ShardPlan.Source source, CaptureFooter footer, CaptureReader.Split split)
      implements Serializable {}

  private static List<Sample> samples(ShardCapture capture) {
    List<Sample> samples = new ArrayList<>();
    for (ShardPlan.Source source : capture.sources()) {
      List<Sample> all = new ArrayList<>();
      for (int file = 0; file < capture.files().size(); file++) {
        CaptureFooter footer = capture.files().get(file);
        boolean has =
            footer.sources().stream()
                .anyMatch(
                    each ->
                        each.site().equals(source.site())
                            && each.checkpoint() == source.checkpoint());
        long firstRow = 0;
        for (int group = 0; has && group < footer.rowGroups().size(); group++) {
          long rows = footer.rowGroups().get(group).rows();
          all.add(
              new Sample(
                  source, footer, new CaptureReader.Split(file, group, 1, firstRow, rows, 0)));
          firstRow += rows;
        }
      }
      int taken = Math.min(ROW_GROUPS, all.size());
      for (int i = 0; i < taken; i++) {
        samples.add(all.get((int) ((long) i * all.size() / taken)));
      }
    }
    return samples;
  }

  /** Norms of a sample. */
  private static final class Norms implements Function<Sample, double[]> {
    private static final long serialVersionUID = 1;

    private final CaptureColumns columns;

    Norms(CaptureColumns columns) {
      this.columns = columns;
    }

    @Override
    public double[] call(Sample sample) throws Exception {
      ShardPlan.Source source = sample.source();
      byte[] bytes = new byte[4 * source.width()];
      float[] vector = new float[source.width()];
      double[] norms = new double[ROWS];
      int count = 0;
      try (CaptureReader reader =
          CaptureReader.open(sample.footer(), sample.split(), columns, VectorType.FLOAT32, false)) {
        while (count < ROWS && reader.next()) {
          int numbers = reader.activation(bytes, 0, source.width());
          if (sample.footer().gradient() != null) {
            reader.gradient(new byte[4 * source.width()], 0, source.width());
          }
          boolean wanted =
              reader.site().equals(source.site()) && reader.checkpoint() == source.checkpoint();
          if (wanted
              && numbers == source.width()
              && !VectorType.FLOAT32.hasNonFinite(bytes, 0, numbers)) {
            VectorType.FLOAT32.toFloats(bytes, 0, vector, 0, numbers);
            double square = 0;
            for (float value : vector) {
              square += (double) value * value;
            }
            norms[count++] = Math.sqrt(square);
          }
        }
      }
      return Arrays.copyOf(norms, count);
    }
  }
}
