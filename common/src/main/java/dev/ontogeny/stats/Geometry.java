package dev.ontogeny.stats;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.cpu.RowLoops;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.stats.GroupJackknife.Band;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/**
 * How many dimensions the vectors of a source fill, and how alike they are. With λ the eigenvalues
 * of their covariance and p = λ / Σλ:
 *
 * <ul>
 *   <li>{@code effective_rank}: exp(−Σ p ln p), from 1 to d (Roy and Vetterli 2007, there of
 *       singular values; here of the covariance, so of their squares);
 *   <li>{@code participation_ratio}: (Σλ)² / Σλ² (Gao et al. 2017), which sees the large ones only;
 *   <li>{@code top_share}: the greatest p;
 *   <li>{@code anisotropy}: the mean cosine of two different rows (Ethayarajh 2019), exactly over
 *       all pairs, from the sum of unit vectors: (‖Σu‖² − n) / n(n − 1).
 * </ul>
 *
 * <p>The first three are those of the dataset's exact moments. Their bands come from the scan: a
 * row x adds (x − μ)ᵀ V diag(∂s/∂λ) Vᵀ (x − μ) to a statistic s of the covariance, to first order
 * (the infinitesimal jackknife, Jaeckel 1972), and the derivatives sum to no change at all, for the
 * statistics do not depend on scale. So a number per statistic and {@link GroupJackknife group of
 * documents} is kept and no covariance; what is left out is of second order: where documents are
 * few for d, the effective rank is too low by more than its band tells. Cost: 2 d² + 10 d
 * operations per row.
 */
final class Geometry implements RowStatistic<GeometrySums> {
  private static final long serialVersionUID = 1;

  /** Wider sources have no bands for statistics of the covariance: 10 s and 100 MB for 2048. */
  private static final int WIDEST = 2048;

  /** Shares below are noise of the eigenvalues; what is so small changes no statistic. */
  private static final double NO_SHARE = 1e-12;

  private static final PreparedSources<Axes> PREPARED = new PreparedSources<>();

  /**
   * The three statistics of the covariance, in the order of their sums.
   *
   * @param values NaN where there is no variance
   * @param derivatives by eigenvalue
   */
  record Spectrum(double[] values, double[][] derivatives) {
    static final List<String> NAMES = List.of("effective_rank", "participation_ratio", "top_share");

    /** Of eigenvalues from the greatest to the least; those below 0 are rounding. */
    static Spectrum of(double[] eigenvalues) {
      int d = eigenvalues.length;
      double sum = 0;
      double squares = 0;
      for (double each : eigenvalues) {
        sum += Math.max(0, each);
        squares += each * each;
      }
      double[] values = new double[NAMES.size()];
      double[][] derivatives = new double[NAMES.size()][d];
      if (!(sum > 0)) {
        Arrays.fill(values, Double.NaN);
        return new Spectrum(values, derivatives);
      }
      double entropy = 0;
      for (double each : eigenvalues) {
        double share = each / sum;
        entropy -= share > 0 ? share * Math.log(share) : 0;
      }
      values[0] = Math.exp(entropy);
      values[1] = sum * sum / squares;
      values[2] = eigenvalues[0] / sum;
      for (int i = 0; i < d; i++) {
        double share = eigenvalues[i] / sum;
        derivatives[0][i] = share > NO_SHARE ? -values[0] * (Math.log(share) + entropy) / sum : 0;
        derivatives[1][i] = 2 * values[1] / sum * (1 - eigenvalues[i] * sum / squares);
        derivatives[2][i] = ((i == 0 ? 1 : 0) - values[2]) / sum;
      }
      return new Spectrum(values, derivatives);
    }

    /** The eigenvalues of a covariance; zeros where all rows are the same. */
    static double[] eigenvalues(Moments moments) {
      int d = moments.mean().length;
      return constant(moments)
          ? new double[d]
          : SymmetricEigen.of(moments.covariance(), d, false).values();
    }

    private static boolean constant(Moments moments) {
      return Arrays.equals(moments.minimum(), moments.maximum());
    }
  }

  /**
   * What rows are looked at by.
   *
   * @param vectors [d, d]: a row is an eigenvector
   * @param derivatives of each statistic by eigenvalue
   */
  private record Axes(float[] mean, FloatMatrix vectors, float[][] derivatives) {
    static Axes of(Moments moments) {
      int d = moments.mean().length;
      SymmetricEigen eigen = SymmetricEigen.of(moments.covariance(), d, true);
      Spectrum spectrum = Spectrum.of(eigen.values());
      float[][] derivatives = new float[spectrum.derivatives().length][];
      Arrays.setAll(derivatives, s -> floats(spectrum.derivatives()[s]));
      return new Axes(
          floats(moments.mean()), new FloatMatrix(d, d, floats(eigen.vectors())), derivatives);
    }

    private static float[] floats(double[] values) {
      float[] floats = new float[values.length];
      for (int i = 0; i < floats.length; i++) {
        floats[i] = (float) values[i];
      }
      return floats;
    }
  }

  /** Null where statistics of the covariance have no bands. */
  private static Axes axes(Of of) throws IOException {
    if (of.source().width() > WIDEST) {
      return null;
    }
    return PREPARED.get(of, moments -> Spectrum.constant(moments) ? null : Axes.of(moments));
  }

  /** A block of rows. */
  private static final class OfBlock implements Scan<GeometrySums> {
    private final int width;
    private final GeometrySums sums;
    private final Axes axes;
    private final ProductKernel products;
    private final FloatMatrix centred;
    private final float[] turned;

    OfBlock(int width, Axes axes, KernelProvider provider, int batchRows) {
      this.width = width;
      this.axes = axes;
      sums = new GeometrySums(width);
      products = axes == null ? null : provider.products(axes.vectors());
      centred = FloatMatrix.zeros(axes == null ? 0 : batchRows, width);
      turned = new float[centred.values().length];
    }

    @Override
    public void add(Rows rows) {
      float[] values = rows.values().values();
      for (int row = 0; row < rows.count(); row++) {
        sums.add(GroupJackknife.group(rows.document(row)), values, rows.at(row));
      }
      if (axes == null) {
        return;
      }
      for (int row = 0; row < rows.count(); row++) {
        int at = rows.at(row);
        for (int i = 0; i < width; i++) {
          centred.values()[row * width + i] = values[at + i] - axes.mean()[i];
        }
      }
      products.multiply(centred.firstRows(rows.count()), turned);
      for (int row = 0; row < rows.count(); row++) {
        int group = GroupJackknife.group(rows.document(row));
        for (int i = row * width; i < (row + 1) * width; i++) {
          turned[i] *= turned[i];
        }
        for (int s = 0; s < GeometrySums.INFLUENCES; s++) {
          sums.influence(
              group, s, RowLoops.dot(turned, row * width, axes.derivatives()[s], 0, width));
        }
      }
    }

    @Override
    public GeometrySums kept() {
      return sums;
    }

    @Override
    public void close() {
      if (products != null) {
        products.close();
      }
    }
  }

  @Override
  public List<TableSchema> tables() {
    return List.of(FeatureTables.GEOMETRY);
  }

  @Override
  public GeometrySums none(Of of) {
    return new GeometrySums(of.source().width());
  }

  @Override
  public Scan<GeometrySums> scan(Of of, KernelProvider provider, int batchRows) throws IOException {
    return new OfBlock(of.source().width(), axes(of), provider, batchRows);
  }

  /** The same with moments at hand. */
  static Scan<GeometrySums> scan(Moments moments, KernelProvider provider, int batchRows) {
    Axes axes = Spectrum.constant(moments) ? null : Axes.of(moments);
    return new OfBlock(moments.mean().length, axes, provider, batchRows);
  }

  @Override
  public long memory(int width, int batchRows, int classes) {
    long axes = width > WIDEST ? 0 : 8L * width * (width + batchRows);
    return axes + GeometrySums.memory(width) + SymmetricEigen.memory(width, width <= WIDEST);
  }

  @Override
  public void publish(Of of, GeometrySums merged, Tables into) throws IOException {
    publish(of.moments(), merged, into);
  }

  static void publish(Moments moments, GeometrySums merged, Tables into) throws IOException {
    int width = moments.mean().length;
    Spectrum spectrum = Spectrum.of(Spectrum.eigenvalues(moments));
    for (int s = 0; s < GeometrySums.INFLUENCES; s++) {
      double value = spectrum.values()[s];
      Band band = Band.UNKNOWN;
      if (width <= WIDEST && Double.isFinite(value)) {
        double[] without = merged.changesWithout(s);
        for (int g = 0; g < without.length; g++) {
          without[g] += value;
        }
        band = GroupJackknife.band(value, without, merged.rows());
        band = s == 2 ? band.within(0, 1) : band.within(1, width);
      }
      write(moments, Spectrum.NAMES.get(s), value, band, moments.rows(), into);
    }
    double cosine = merged.meanCosine(-1);
    double[] without = new double[GroupJackknife.GROUPS];
    Arrays.setAll(without, merged::meanCosine);
    Band band = GroupJackknife.band(cosine, without, merged.directed()).within(-1, 1);
    write(moments, "anisotropy", cosine, band, Arrays.stream(merged.directed()).sum(), into);
  }

  private static void write(
      Moments moments, String statistic, double value, Band band, long rows, Tables into)
      throws IOException {
    into.write(
        FeatureTables.GEOMETRY,
        moments.site(),
        moments.checkpoint(),
        statistic,
        TableWriter.finite(value),
        TableWriter.finite(band.lower()),
        TableWriter.finite(band.upper()),
        rows);
  }
}
