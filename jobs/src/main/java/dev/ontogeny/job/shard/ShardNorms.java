package dev.ontogeny.job.shard;

import dev.ontogeny.data.CaptureColumns;
import dev.ontogeny.data.CaptureFooter;
import dev.ontogeny.data.CaptureReader;
import dev.ontogeny.data.VectorType;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;

/**
 * The limits of the norm filter: multiples of the median norm of each source, estimated from up to
 * {@value #ROWS} first rows of up to {@value #ROW_GROUPS} of its row groups, evenly spread. Decided
 * by the capture alone.
 */
final class ShardNorms {
  private static final int ROW_GROUPS = 16;
  private static final int ROWS = 512;

  private ShardNorms() {}

  /** Norms that are kept. */
  record Range(double least, double greatest) implements Serializable {
    static final Range ALL = new Range(0, Double.POSITIVE_INFINITY);

    boolean holds(double norm) {
      return norm >= least && norm <= greatest;
    }
  }

  /** Nothing is filtered. */
  static List<Range> all(ShardCapture capture) {
    return Collections.nCopies(capture.sources().size(), Range.ALL);
  }

  /** By source. */
  static List<Range> kept(JavaSparkContext spark, ShardSettings settings, ShardCapture capture) {
    List<Range> ranges = new ArrayList<>(all(capture));
    if (settings.maximumNormRatio() == null && settings.minimumNormRatio() == null) {
      return ranges;
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
            ranges.set(source, range(settings, all[all.length / 2]));
          }
        });
    return ranges;
  }

  private static Range range(ShardSettings settings, double median) {
    return new Range(
        settings.minimumNormRatio() == null ? 0 : settings.minimumNormRatio() * median,
        settings.maximumNormRatio() == null
            ? Double.POSITIVE_INFINITY
            : settings.maximumNormRatio() * median);
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
          if (rows > 0) {
            all.add(
                new Sample(
                    source, footer, new CaptureReader.Split(file, group, 1, firstRow, rows, 0)));
          }
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
