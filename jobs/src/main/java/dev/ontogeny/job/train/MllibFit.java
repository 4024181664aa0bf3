package dev.ontogeny.job.train;

import dev.ontogeny.data.Moments;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.SourceRows;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Failure;
import dev.ontogeny.train.InitialDictionary;
import dev.ontogeny.type.BisectingKMeans;
import dev.ontogeny.type.Fitted;
import dev.ontogeny.type.KMeans;
import dev.ontogeny.type.Nmf;
import dev.ontogeny.type.Pca;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.CholeskyDecomposition;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.feature.PCA;
import org.apache.spark.ml.linalg.DenseMatrix;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.recommendation.ALS;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Directions by Spark MLlib. Its sums depend on how rows are spread over partitions and in which
 * order they come, so rows are one partition in the order of the dataset, which is shuffled: the
 * same bytes whatever the cluster. An executor holds them ({@link FittedPlan#bytes}; of nmf MLlib's
 * ratings beside, several times 12 bytes a number), the driver 8·d·F bytes, and of pca MLlib's
 * covariance, 8·d² bytes.
 */
final class MllibFit {
  /** Of the encoder of nmf, in units of factors of unit norm. */
  private static final double RIDGE = 1e-3;

  private static final StructType ROWS =
      new StructType().add("features", SQLDataTypes.VectorType(), false);
  private static final StructType RATINGS =
      new StructType()
          .add("user", DataTypes.IntegerType, false)
          .add("item", DataTypes.IntegerType, false)
          .add("rating", DataTypes.FloatType, false);

  private final SparkSession spark;
  private final JavaSparkContext context;
  private final Broadcast<ShardedDataset> dataset;

  MllibFit(SparkSession spark, Broadcast<ShardedDataset> dataset) {
    this.spark = spark;
    this.context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    this.dataset = dataset;
  }

  /**
   * What came out.
   *
   * @param encoder [d, F], row by row; null if it failed
   * @param decoder [F, d], row by row; null if it failed
   * @param failure null unless it failed
   */
  record Weights(float[] encoder, float[] decoder, String failure) implements Serializable {
    private static Weights failed(String reason, Object... arguments) {
      return new Weights(null, null, String.format(Locale.ROOT, reason, arguments));
    }

    /** Of an encoder that is the decoder transposed. */
    private static Weights tied(double[][] directions) {
      return new Weights(turned(directions), flat(directions), null);
    }
  }

  /** Fits one. */
  Weights fit(FittedPlan plan) {
    Broadcast<ShardedDataset> rows = dataset;
    JavaRDD<Vector> sample =
        context.parallelize(List.of(plan), 1).flatMap(each -> read(rows.value(), each));
    Fitted type = plan.type();
    if (type instanceof Pca) {
      return components(plan, sample);
    }
    return type instanceof Nmf nmf ? factors(plan, nmf, sample) : centroids(plan, sample);
  }

  /**
   * The rows in scaled units, around the mean of the dataset but for nmf, whose are around zero.
   */
  private static Iterator<Vector> read(ShardedDataset dataset, FittedPlan plan) throws IOException {
    int count = (int) plan.rows(dataset);
    int width = plan.source().width();
    FloatMatrix rows = FloatMatrix.zeros(count, width);
    int done = 0;
    for (int shard : plan.shards()) {
      int wanted = (int) Math.min(dataset.rows(shard), count - done);
      if (wanted > 0) {
        try (SourceRows vectors = new SourceRows(dataset, List.of(plan.source()), shard)) {
          vectors.read(rows, done, wanted);
        }
        done += wanted;
      }
    }
    Moments moments = dataset.moments(plan.source().site(), plan.source().checkpoint());
    float scale = InitialDictionary.scale(plan.source(), moments);
    float[] mean = mean(plan, moments);
    return IntStream.range(0, count)
        .mapToObj(
            row -> {
              double[] values = new double[width];
              for (int i = 0; i < width; i++) {
                values[i] = ((double) rows.at(row, i) - mean[i]) * scale;
              }
              return Vectors.dense(values);
            })
        .iterator();
  }

  /** {@code input_mean} of what is fitted. */
  static float[] mean(FittedPlan plan, Moments moments) {
    return plan.type() instanceof Nmf
        ? new float[plan.source().width()]
        : InitialDictionary.mean(moments);
  }

  private Dataset<Row> frame(JavaRDD<Vector> sample) {
    return spark.createDataFrame(sample.map(RowFactory::create), ROWS);
  }

  /** Each component, of whose two signs the largest number is positive, and its opposite. */
  private Weights components(FittedPlan plan, JavaRDD<Vector> sample) {
    DenseMatrix found =
        new PCA().setInputCol("features").setK(plan.width() / 2).fit(frame(sample)).pc();
    double[][] directions = new double[plan.width()][plan.source().width()];
    for (int component = 0; component < plan.width() / 2; component++) {
      double largest = 0;
      for (int i = 0; i < found.numRows(); i++) {
        double value = found.apply(i, component);
        largest = Math.abs(value) > Math.abs(largest) ? value : largest;
      }
      for (int i = 0; i < found.numRows(); i++) {
        double value = found.apply(i, component) * Math.signum(largest);
        directions[2 * component][i] = value;
        directions[2 * component + 1][i] = -value;
      }
    }
    return Weights.tied(directions);
  }

  /**
   * Bisecting k-means draws directions in the order in which clusters come out of a shuffle, whose
   * partitions are those of the rows, one, unless a setting of Spark says otherwise.
   */
  static void requireOnePartition(SparkSession spark, List<FittedPlan> plans) {
    String set = spark.sparkContext().conf().get("spark.default.parallelism", "1");
    if (!set.equals("1")
        && plans.stream().anyMatch(plan -> plan.type() instanceof BisectingKMeans)) {
      throw Failure.settings(
          "spark.default.parallelism must be left out or 1 with type bisecting-k-means, which comes out otherwise with every number of partitions, got %s",
          set);
    }
  }

  private Weights centroids(FittedPlan plan, JavaRDD<Vector> sample) {
    // A row at the mean has no direction to be near to.
    Dataset<Row> rows = frame(sample.filter(row -> Vectors.norm(row, 2) > 0));
    Vector[] centres =
        plan.type() instanceof KMeans settings
            ? new org.apache.spark.ml.clustering.KMeans()
                .setDistanceMeasure("cosine")
                .setK(plan.width())
                .setMaxIter(settings.iterations())
                .setSeed(plan.seed())
                .fit(rows)
                .clusterCenters()
            : new org.apache.spark.ml.clustering.BisectingKMeans()
                .setDistanceMeasure("cosine")
                .setK(plan.width())
                .setMaxIter(((BisectingKMeans) plan.type()).iterations())
                .setSeed(plan.seed())
                .fit(rows)
                .clusterCenters();
    if (centres.length < plan.width()) {
      return Weights.failed(
          "MLlib found %d clusters in %d rows, width wants %d: take a smaller width or more rows (types.%s.rows)",
          centres.length, plan.rows(dataset.value()), plan.width(), plan.type().type());
    }
    return Weights.tied(
        Stream.of(centres).map(each -> unit(each.toArray())).toArray(double[][]::new));
  }

  private Weights factors(FittedPlan plan, Nmf settings, JavaRDD<Vector> sample) {
    double least =
        sample.map(row -> row.compressed().toArray()).map(MllibFit::least).reduce(Math::min);
    if (least < 0) {
      return Weights.failed(
          "nmf wants activations without negative numbers, such as those after an MLP's ReLU, and site %s has some at checkpoint %d: leave the site out with sites, or take another type",
          plan.source().site(), plan.source().checkpoint());
    }
    JavaRDD<Row> ratings = sample.zipWithIndex().flatMap(each -> ratings(each._1(), each._2()));
    List<Row> found =
        new ALS()
            .setNonnegative(true)
            .setRank(plan.width())
            .setMaxIter(settings.iterations())
            .setRegParam(settings.regularisation())
            .setNumBlocks(1)
            .setSeed(plan.seed())
            .fit(spark.createDataFrame(ratings, RATINGS))
            .itemFactors()
            .collectAsList();
    double[][] directions = new double[plan.width()][plan.source().width()];
    for (Row column : found) {
      List<Float> values = column.getList(1);
      for (int latent = 0; latent < directions.length; latent++) {
        directions[latent][column.getInt(0)] = values.get(latent);
      }
    }
    for (int latent = 0; latent < directions.length; latent++) {
      directions[latent] = unit(directions[latent]);
    }
    RealMatrix decoder = new Array2DRowRealMatrix(directions, false);
    RealMatrix squares = decoder.transpose().multiply(decoder);
    for (int i = 0; i < squares.getRowDimension(); i++) {
      squares.addToEntry(i, i, RIDGE);
    }
    RealMatrix encoder = new CholeskyDecomposition(squares).getSolver().solve(decoder.transpose());
    return new Weights(flat(encoder.getData()), flat(directions), null);
  }

  private static double least(double[] values) {
    double least = values[0];
    for (double value : values) {
      least = Math.min(least, value);
    }
    return least;
  }

  private static Iterator<Row> ratings(Vector row, long user) {
    List<Row> ratings = new ArrayList<>(row.size());
    for (int item = 0; item < row.size(); item++) {
      ratings.add(RowFactory.create((int) user, item, (float) row.apply(item)));
    }
    return ratings.iterator();
  }

  /** At unit norm; zeros stay zeros, of a factor that nothing needed. */
  private static double[] unit(double[] direction) {
    double norm = Vectors.norm(Vectors.dense(direction), 2);
    double[] unit = direction.clone();
    for (int i = 0; i < unit.length && norm > 0; i++) {
      unit[i] /= norm;
    }
    return unit;
  }

  private static float[] flat(double[][] rows) {
    float[] flat = new float[rows.length * rows[0].length];
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < rows[0].length; i++) {
        flat[row * rows[0].length + i] = (float) rows[row][i];
      }
    }
    return flat;
  }

  private static float[] turned(double[][] rows) {
    float[] turned = new float[rows.length * rows[0].length];
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < rows[0].length; i++) {
        turned[i * rows.length + row] = (float) rows[row][i];
      }
    }
    return turned;
  }
}
