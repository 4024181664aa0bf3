package dev.ontogeny.data;

import dev.ontogeny.data.TableSchema.ColumnType;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.demo.PlantedActivations.Token;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Publishes a small dataset of planted activations without Spark, as the shard job would: the same
 * order of tokens, tables, names and manifest.
 */
public final class DatasetFixture {
  /** The site of every fixture. */
  public static final String SITE = "blocks.0.hook_resid_post";

  private DatasetFixture() {}

  /** What the manifest states; {@code seed} is the one of {@link TokenOrder}. */
  public record Settings(long seed, int shards, int heldOutShards, long documents) {}

  /** A dataset of float32 vectors in {@code shards} shards, the last one held out. */
  public static ShardedDataset publish(
      Folder folder, PlantedActivations planted, long documents, int shards) throws IOException {
    return publish(
        folder, planted, new Settings(0, shards, 1, documents), VectorType.FLOAT32, SITE);
  }

  /** Likewise, with everything to choose; the last shards are held out. All sites are alike. */
  public static ShardedDataset publish(
      Folder folder,
      PlantedActivations planted,
      Settings settings,
      VectorType type,
      String... sites)
      throws IOException {
    Map<String, UnaryOperator<float[]>> alike = new LinkedHashMap<>();
    for (String site : sites) {
      alike.put(site, UnaryOperator.identity());
    }
    return publish(folder, planted, settings, type, alike);
  }

  /**
   * Likewise, with sites that see what is planted in their own way.
   *
   * @param sites what each makes of an activation
   */
  public static ShardedDataset publish(
      Folder folder,
      PlantedActivations planted,
      Settings settings,
      VectorType type,
      Map<String, UnaryOperator<float[]>> sites)
      throws IOException {
    PlantedActivations.Plan plan = planted.plan();
    List<List<Token>> byShard = shuffled(planted, settings);
    List<PublishedFile> files = new ArrayList<>();
    for (int shard = 0; shard < settings.shards(); shard++) {
      files.add(writeTokens(folder, byShard.get(shard), shard));
      for (int t = 0; t < plan.checkpoints().size(); t++) {
        for (Map.Entry<String, UnaryOperator<float[]>> site : sites.entrySet()) {
          files.add(writeVectors(folder, byShard.get(shard), shard, planted, t, type, site));
        }
      }
    }
    files.add(writeMoments(folder, byShard, planted, type, sites));
    long rows = settings.documents() * plan.documentLength();
    List<Integer> heldOut = new ArrayList<>();
    for (int i = settings.shards() - settings.heldOutShards(); i < settings.shards(); i++) {
      heldOut.add(i);
    }
    PublicationFixture.publish(
        folder,
        "dataset",
        settings,
        List.of(),
        files,
        List.of(
            DatasetTables.TOKENS, DatasetTables.VECTORS.without("gradient"), DatasetTables.MOMENTS),
        new ShardedDataset.Summary(
            rows,
            settings.shards(),
            heldOut,
            sites.entrySet().stream()
                .map(
                    site ->
                        new ShardedDataset.Site(
                            site.getKey(),
                            site.getValue().apply(new float[plan.width()]).length,
                            plan.checkpoints(),
                            type))
                .toList(),
            Map.of(),
            mixing(byShard, rows, settings.documents()),
            null));
    return ShardedDataset.open(folder);
  }

  private static List<List<Token>> shuffled(PlantedActivations planted, Settings settings) {
    TokenOrder order = TokenOrder.of(settings.seed(), settings.shards());
    List<List<Token>> byShard = new ArrayList<>();
    for (int shard = 0; shard < settings.shards(); shard++) {
      byShard.add(new ArrayList<>());
    }
    for (long document = 0; document < settings.documents(); document++) {
      for (int position = 0; position < planted.plan().documentLength(); position++) {
        byShard
            .get(order.shard(order.hash(document, position)))
            .add(planted.token(document, position));
      }
    }
    Comparator<Token> byPlace =
        (a, b) ->
            TokenOrder.compare(
                order.hash(a.document(), a.position()),
                a.document(),
                a.position(),
                order.hash(b.document(), b.position()),
                b.document(),
                b.position());
    byShard.forEach(shard -> shard.sort(byPlace));
    return byShard;
  }

  private static PublishedFile writeTokens(Folder folder, List<Token> tokens, int shard)
      throws IOException {
    TableSchema schema =
        DatasetTables.TOKENS.asCaptured(
            ColumnType.LONG,
            PlantedActivations.LABELS.stream()
                .map(label -> new TableSchema.Column(label, ColumnType.STRING, 0))
                .toList());
    String path = String.format("tokens/shard-%05d-0.parquet", shard);
    try (TableWriter writer = TableWriter.open(folder, path, schema)) {
      for (Token token : tokens) {
        writer.write(
            token.document(),
            token.position(),
            token.tokenId(),
            token.token(),
            token.labels().get(0),
            token.labels().get(1));
      }
      return writer.finish().ofShard(shard);
    }
  }

  private static PublishedFile writeVectors(
      Folder folder,
      List<Token> tokens,
      int shard,
      PlantedActivations planted,
      int t,
      VectorType type,
      Map.Entry<String, UnaryOperator<float[]>> seen)
      throws IOException {
    String site = seen.getKey();
    float[] activation = new float[planted.plan().width()];
    int width = seen.getValue().apply(activation).length;
    long checkpoint = planted.plan().checkpoints().get(t);
    TableSchema schema =
        TableSchema.named("vectors").withBytes(width * type.bytes(), "activation").build();
    String path =
        String.format("vectors/%s/checkpoint-%d/shard-%05d-0.parquet", site, checkpoint, shard);
    try (TableWriter writer = TableWriter.open(folder, path, schema)) {
      for (Token token : tokens) {
        planted.activation(token, t, activation);
        writer.write((Object) bytes(seen.getValue().apply(activation), type));
      }
      return writer.finish().ofShard(shard).ofSource(site, checkpoint);
    }
  }

  private static byte[] bytes(float[] values, VectorType type) {
    ByteBuffer buffer =
        ByteBuffer.allocate(values.length * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      if (type == VectorType.FLOAT32) {
        buffer.putFloat(value);
      } else {
        buffer.putShort(Half.fromFloat(value));
      }
    }
    return buffer.array();
  }

  private static PublishedFile writeMoments(
      Folder folder,
      List<List<Token>> byShard,
      PlantedActivations planted,
      VectorType type,
      Map<String, UnaryOperator<float[]>> sites)
      throws IOException {
    TableSchema schema = DatasetTables.MOMENTS.without("norm_lower", "norm_count");
    try (TableWriter writer = TableWriter.open(folder, "moments/moments-0.parquet", schema)) {
      for (int t = 0; t < planted.plan().checkpoints().size(); t++) {
        for (Map.Entry<String, UnaryOperator<float[]>> site : sites.entrySet()) {
          List<float[]> rows = new ArrayList<>();
          for (List<Token> shard : byShard) {
            for (Token token : shard) {
              float[] planned = new float[planted.plan().width()];
              planted.activation(token, t, planned);
              float[] row = site.getValue().apply(planned);
              for (int j = 0; j < row.length && type == VectorType.FLOAT16; j++) {
                row[j] = Half.toFloat(Half.fromFloat(row[j]));
              }
              rows.add(row);
            }
          }
          Moments m = moments(site.getKey(), planted.plan().checkpoints().get(t), rows);
          writer.write(
              site.getKey(),
              m.checkpoint(),
              m.rows(),
              m.mean(),
              m.covariance(),
              m.meanNorm(),
              m.meanSquareNorm(),
              m.minimum(),
              m.maximum(),
              m.geometricMedian());
        }
      }
      return writer.finish();
    }
  }

  private static Moments moments(String site, long checkpoint, List<float[]> rows) {
    int width = rows.get(0).length;
    double[] mean = new double[width];
    double[] covariance = new double[width * width];
    double[] minimum = new double[width];
    double[] maximum = new double[width];
    Arrays.fill(minimum, Double.POSITIVE_INFINITY);
    Arrays.fill(maximum, Double.NEGATIVE_INFINITY);
    double norms = 0;
    double squares = 0;
    for (float[] row : rows) {
      double square = 0;
      for (int i = 0; i < width; i++) {
        mean[i] += row[i] / (double) rows.size();
        minimum[i] = Math.min(minimum[i], row[i]);
        maximum[i] = Math.max(maximum[i], row[i]);
        square += (double) row[i] * row[i];
      }
      norms += Math.sqrt(square) / rows.size();
      squares += square / rows.size();
    }
    for (float[] row : rows) {
      for (int i = 0; i < width; i++) {
        for (int j = 0; j < width; j++) {
          covariance[i * width + j] += (row[i] - mean[i]) * (row[j] - mean[j]) / rows.size();
        }
      }
    }
    return new Moments(
        site,
        checkpoint,
        rows.size(),
        mean,
        covariance,
        norms,
        squares,
        minimum,
        maximum,
        geometricMedian(rows, mean));
  }

  /** Weiszfeld's iteration from the mean. */
  private static double[] geometricMedian(List<float[]> rows, double[] mean) {
    double[] at = mean.clone();
    for (int iteration = 0; iteration < 20; iteration++) {
      double[] sum = new double[at.length];
      double weights = 0;
      for (float[] row : rows) {
        double square = 1e-12;
        for (int j = 0; j < at.length; j++) {
          square += (row[j] - at[j]) * (row[j] - at[j]);
        }
        double weight = 1 / Math.sqrt(square);
        weights += weight;
        for (int j = 0; j < at.length; j++) {
          sum[j] += weight * row[j];
        }
      }
      for (int j = 0; j < at.length; j++) {
        at[j] = sum[j] / weights;
      }
    }
    return at;
  }

  private static ShardedDataset.Mixing mixing(
      List<List<Token>> byShard, long rows, long documents) {
    List<Token> all = byShard.stream().flatMap(List::stream).toList();
    long same = 0;
    for (int i = 1; i < all.size(); i++) {
      same += all.get(i - 1).document() == all.get(i).document() ? 1 : 0;
    }
    return new ShardedDataset.Mixing(same / (double) (rows - 1), 1.0 / documents);
  }
}
