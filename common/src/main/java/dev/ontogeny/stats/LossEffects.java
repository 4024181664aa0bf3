package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.stats.GroupJackknife.Band;
import java.io.IOException;
import java.util.List;

/**
 * How much of the network's loss hangs on a source, to first order: by how much it would rise if
 * all vectors were replaced by their mean, −g·(x − μ) in the mean over rows, with g the captured
 * gradient of the loss at x (attribution patching, Nanda 2023, from the mean instead of another
 * prompt). Over all rows, and over those of each value of each label, μ always being that of all
 * rows. The loss is whatever the capture took gradients of; the first order says nothing about how
 * far it holds. Bands are those of {@link GroupJackknife}. Cost: 4 d operations per row.
 */
final class LossEffects implements RowStatistic<LossEffectSums> {
  private static final long serialVersionUID = 1;

  private static final PreparedSources<double[]> MEANS = new PreparedSources<>();

  @Override
  public boolean applies(ShardedDataset dataset) {
    return dataset.hasGradients();
  }

  @Override
  public boolean readsGradients() {
    return true;
  }

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.LOSS_EFFECTS);
  }

  /** The values of all labels. */
  private static int classes(List<LabelValues> labels) {
    return labels.stream().mapToInt(label -> label.values().length).sum();
  }

  @Override
  public LossEffectSums none(Of of) {
    return new LossEffectSums(classes(of.labels()));
  }

  @Override
  public long memory(int width, int batchRows, int classes) {
    return LossEffectSums.memory(classes) + 8L * width;
  }

  @Override
  public Scan<LossEffectSums> scan(Of of, KernelProvider provider, int batchRows)
      throws IOException {
    return new OfBlock(MEANS.get(of, Moments::mean), of.labels());
  }

  /** A block of rows. */
  static final class OfBlock implements Scan<LossEffectSums> {
    private final double[] mean;
    private final int labels;
    private final LossEffectSums sums;

    OfBlock(double[] mean, List<LabelValues> labels) {
      this.mean = mean;
      this.labels = labels.size();
      sums = new LossEffectSums(classes(labels));
    }

    @Override
    public void add(Rows rows) {
      float[] values = rows.values().values();
      float[] gradients = rows.gradients().values();
      for (int row = 0; row < rows.count(); row++) {
        int at = rows.at(row);
        double effect = 0;
        double square = 0;
        for (int i = 0; i < mean.length; i++) {
          double gradient = gradients[at + i];
          effect -= gradient * (values[at + i] - mean[i]);
          square += gradient * gradient;
        }
        int group = GroupJackknife.group(rows.document(row));
        double norm = Math.sqrt(square);
        sums.add(LossEffectSums.ALL, group, effect, norm);
        for (int label = 0; label < labels; label++) {
          int value = rows.label(label, row);
          if (value >= 0) {
            sums.add(LossEffectSums.ofClass(value), group, effect, norm);
          }
        }
      }
    }

    @Override
    public LossEffectSums kept() {
      return sums;
    }

    @Override
    public void close() {
      // Nothing is held.
    }
  }

  @Override
  public void publish(Of of, LossEffectSums merged, Tables into) throws IOException {
    publish(of.source().site(), of.source().checkpoint(), of.labels(), merged, into);
  }

  static void publish(
      String site, long checkpoint, List<LabelValues> labels, LossEffectSums merged, Tables into)
      throws IOException {
    write(site, checkpoint, null, null, merged, LossEffectSums.ALL, into);
    for (LabelValues label : labels) {
      for (int value = 0; value < label.values().length; value++) {
        write(
            site,
            checkpoint,
            label.name(),
            label.values()[value],
            merged,
            LossEffectSums.ofClass(label.offset() + value),
            into);
      }
    }
  }

  private static void write(
      String site,
      long checkpoint,
      String label,
      String value,
      LossEffectSums merged,
      int rowsOf,
      Tables into)
      throws IOException {
    long[] rows = merged.rows(rowsOf);
    double effect = merged.effect(rowsOf, -1);
    double[] without = new double[rows.length];
    for (int group = 0; group < rows.length; group++) {
      without[group] = merged.effect(rowsOf, group);
    }
    Band band = GroupJackknife.band(effect, without, rows);
    into.write(
        FeatureTables.LOSS_EFFECTS,
        site,
        checkpoint,
        label,
        value,
        TableWriter.finite(effect),
        TableWriter.finite(band.lower()),
        TableWriter.finite(band.upper()),
        TableWriter.finite(merged.gradientNorm(rowsOf)),
        merged.count(rowsOf));
  }
}
