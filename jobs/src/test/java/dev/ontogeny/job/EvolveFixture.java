package dev.ontogeny.job;

import dev.ontogeny.data.FeatureTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.PublicationFixture;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Json;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Dictionaries and statistics as if training had found the planted features exactly, next to as
 * many latents again that are nothing: their directions wander and no other replica has them. In
 * replica 1 features stand in reverse order; in independent dictionaries at every other checkpoint.
 */
public final class EvolveFixture {
  public static final String SITE = "blocks.0.hook_resid_post";
  private static final int SAMPLES = 30;

  private EvolveFixture() {}

  /** What tells one made-up publication from another. */
  private record MadeUp(boolean chain, int replicas) {}

  /** The latent of a feature in a dictionary. */
  public static int latent(
      PlantedActivations planted, int feature, int replica, boolean chain, int t) {
    int width = 2 * planted.plan().features();
    boolean reversed = (replica == 1) != (!chain && t % 2 == 1);
    return reversed ? width - 1 - feature : feature;
  }

  public static String series(boolean chain, int replica) {
    return (chain ? "chain-" : "independent-") + SITE + "-r" + replica;
  }

  /** Publishes {@code root/dictionaries}. */
  public static Folder dictionaries(
      Folder root, ShardedDataset dataset, PlantedActivations planted, boolean chain, int replicas)
      throws IOException {
    Folder folder = Folder.of(root.resolve("dictionaries"));
    List<PublishedFile> files = new ArrayList<>();
    for (int replica = 0; replica < replicas; replica++) {
      for (int t = 0; t < planted.plan().checkpoints().size(); t++) {
        DictionaryMetadata metadata = metadata(planted, chain, replica, t);
        Dictionary dictionary = dictionary(dataset, planted, metadata, chain, replica, t);
        int inputs = dictionary.inputs();
        DictionaryFormat.Probe probe =
            new DictionaryFormat.Probe(
                FloatMatrix.zeros(1, inputs),
                FloatMatrix.zeros(1, dictionary.width()),
                FloatMatrix.zeros(1, inputs));
        files.add(
            folder
                .write(
                    metadata.id() + "/dictionary.safetensors",
                    null,
                    out -> DictionaryFormat.write(dictionary, probe, out))
                .ofDictionary(metadata.id()));
        files.add(
            folder
                .write(
                    metadata.id() + "/dictionary.json",
                    null,
                    out -> out.write(Json.pretty(metadata).getBytes(StandardCharsets.UTF_8)))
                .ofDictionary(metadata.id()));
      }
    }
    PublicationFixture.publish(
        folder,
        "dictionaries",
        new MadeUp(chain, replicas),
        List.of(dataset.asInput()),
        files,
        Json.object());
    return folder;
  }

  private static DictionaryMetadata metadata(
      PlantedActivations planted, boolean chain, int replica, int t) {
    String series = series(chain, replica);
    long checkpoint = planted.plan().checkpoints().get(t);
    return new DictionaryMetadata(
        DictionaryMetadata.VERSION,
        series + "-c" + checkpoint,
        series.substring(0, series.length() - 3),
        TopK.TYPE,
        Target.AUTOENCODER,
        2 * planted.plan().features(),
        8,
        List.of(new Source(SITE, checkpoint, planted.plan().width())),
        replica,
        replica,
        chain ? series : null,
        t,
        null,
        null,
        null,
        TopK.TYPE.rule(),
        new DictionaryMetadata.Training(1000, Json.object()),
        new DictionaryMetadata.Quality(0.1, 8, 0, 100));
  }

  /** A dictionary as {@link #dictionaries} publishes it. */
  public static Dictionary dictionary(
      ShardedDataset dataset, PlantedActivations planted, boolean chain, int replica, int t)
      throws IOException {
    return dictionary(dataset, planted, metadata(planted, chain, replica, t), chain, replica, t);
  }

  private static Dictionary dictionary(
      ShardedDataset dataset,
      PlantedActivations planted,
      DictionaryMetadata metadata,
      boolean chain,
      int replica,
      int t)
      throws IOException {
    int features = planted.plan().features();
    int latents = metadata.width();
    int width = planted.plan().width();
    FloatMatrix decoder = FloatMatrix.zeros(latents, width);
    for (int feature = 0; feature < latents; feature++) {
      boolean there = feature < features && planted.strength(feature, t) > 0;
      float[] direction =
          there
              ? planted.direction(feature, t)
              : direction(Seeds.of(7, "nothing", replica, feature, t), width);
      System.arraycopy(
          direction,
          0,
          decoder.values(),
          latent(planted, feature, replica, chain, t) * width,
          width);
    }
    Moments moments = dataset.moments(SITE, planted.plan().checkpoints().get(t));
    float[] mean = new float[width];
    double trace = 0;
    for (int i = 0; i < width; i++) {
      mean[i] = (float) moments.mean()[i];
      trace += moments.covariance()[i * width + i];
    }
    FloatMatrix encoder = FloatMatrix.zeros(width, latents);
    for (int latent = 0; latent < latents; latent++) {
      for (int i = 0; i < width; i++) {
        encoder.values()[i * latents + latent] = decoder.at(latent, i);
      }
    }
    return new Dictionary(
        TopK.TYPE,
        metadata.sources(),
        metadata.k(),
        encoder,
        new float[latents],
        decoder,
        new float[width],
        mean,
        new float[] {(float) Math.sqrt(width / trace)});
  }

  private static float[] direction(long seed, int width) {
    RandomGenerator random = Seeds.generator(seed, "direction");
    float[] result = new float[width];
    double squares = 0;
    for (int i = 0; i < width; i++) {
      result[i] = (float) random.nextGaussian();
      squares += result[i] * result[i];
    }
    for (int i = 0; i < width; i++) {
      result[i] /= (float) Math.sqrt(squares);
    }
    return result;
  }

  /** Publishes {@code root/features}; examples of a feature are the first rows that hold it. */
  public static Folder features(
      Folder root,
      ShardedDataset dataset,
      Folder dictionaries,
      PlantedActivations planted,
      boolean chain,
      int replicas)
      throws IOException {
    Folder folder = Folder.of(root.resolve("features"));
    List<Manifest.Input> inputs =
        List.of(
            dataset.asInput(),
            Manifest.read(dictionaries, "dictionaries").asInput(dictionaries.toString()));
    List<PublishedFile> files = new ArrayList<>();
    for (int replica = 0; replica < replicas; replica++) {
      files.add(writeFeatures(folder, planted, chain, replica));
      files.add(writeExamples(folder, dataset, planted, chain, replica));
      files.add(writeBootstrap(folder, planted, chain, replica));
      if (chain) {
        files.add(writeOverlaps(folder, planted, replica));
      }
    }
    PublicationFixture.publish(
        folder, "features", new MadeUp(chain, replicas), inputs, files, Json.object());
    return folder;
  }

  private static PublishedFile writeFeatures(
      Folder folder, PlantedActivations planted, boolean chain, int replica) throws IOException {
    TableSchema schema =
        FeatureTables.FEATURES.without(
            "count",
            "variance",
            "maximum",
            "q10",
            "q50",
            "q90",
            "q99",
            "encoder_norm",
            "nearest_feature",
            "nearest_cosine");
    try (TableWriter writer =
        TableWriter.open(folder, "features/part-" + replica + ".parquet", schema)) {
      for (int t = 0; t < planted.plan().checkpoints().size(); t++) {
        for (int feature = 0; feature < 2 * planted.plan().features(); feature++) {
          double strength =
              feature < planted.plan().features()
                  ? planted.strength(feature, t)
                  : 0.2 + 0.1 * ((feature + t) % 3);
          double rate =
              strength == 0
                  ? 0
                  : feature < planted.plan().features()
                      ? planted.features().get(feature).firingRate()
                      : 0.01;
          writer.write(
              series(chain, replica) + "-c" + planted.plan().checkpoints().get(t),
              SITE,
              planted.plan().checkpoints().get(t),
              latent(planted, feature, replica, chain, t),
              rate,
              strength == 0 ? null : strength,
              1.0);
        }
      }
      return writer.finish();
    }
  }

  private static PublishedFile writeExamples(
      Folder folder, ShardedDataset dataset, PlantedActivations planted, boolean chain, int replica)
      throws IOException {
    TableSchema schema =
        FeatureTables.EXAMPLES.without(
            "document", "position", "token", "context_start", "context_tokens", "context_values");
    try (TableWriter writer =
        TableWriter.open(folder, "examples/part-" + replica + ".parquet", schema)) {
      for (int t = 0; t < planted.plan().checkpoints().size(); t++) {
        int[] ranks = new int[planted.plan().features()];
        for (int shard = 0; shard < dataset.summary().shards(); shard++) {
          try (dev.ontogeny.data.TableReader tokens =
              dev.ontogeny.data.TableReader.open(
                  dataset.folder(), dataset.tokensFile(shard).path(), "document", "position")) {
            int row = 0;
            for (Object[] token = tokens.next(); token != null; token = tokens.next(), row++) {
              for (int concept : planted.token((Long) token[0], (Integer) token[1]).concepts()) {
                if (ranks[concept] < SAMPLES && planted.strength(concept, t) > 0) {
                  writer.write(
                      series(chain, replica) + "-c" + planted.plan().checkpoints().get(t),
                      SITE,
                      planted.plan().checkpoints().get(t),
                      latent(planted, concept, replica, chain, t),
                      "top",
                      ranks[concept]++,
                      1.0,
                      shard,
                      row);
                }
              }
            }
          }
        }
      }
      return writer.finish();
    }
  }

  private static PublishedFile writeBootstrap(
      Folder folder, PlantedActivations planted, boolean chain, int replica) throws IOException {
    try (TableWriter writer =
        TableWriter.open(
            folder, "bootstrap/part-" + replica + ".parquet", FeatureTables.BOOTSTRAP)) {
      for (int t = 0; t < planted.plan().checkpoints().size(); t++) {
        double[] replicates = new double[21];
        for (int b = 0; b < replicates.length; b++) {
          replicates[b] = 0.3 - 0.01 * t + 0.001 * (b - 10);
        }
        writer.write(
            series(chain, replica) + "-c" + planted.plan().checkpoints().get(t),
            SITE,
            planted.plan().checkpoints().get(t),
            "fvu",
            0.3 - 0.01 * t,
            replicates);
      }
      return writer.finish();
    }
  }

  /**
   * Whether it is the one latent that fires elsewhere than at the checkpoint before; all that are
   * nothing point elsewhere at every checkpoint.
   */
  public static boolean takenOver(PlantedActivations planted, int feature, int t) {
    return feature == planted.plan().features() && t == 3;
  }

  private static PublishedFile writeOverlaps(Folder folder, PlantedActivations planted, int replica)
      throws IOException {
    try (TableWriter writer =
        TableWriter.open(folder, "overlaps/part-" + replica + ".parquet", FeatureTables.OVERLAPS)) {
      for (int t = 1; t < planted.plan().checkpoints().size(); t++) {
        for (int feature = 0; feature < 2 * planted.plan().features(); feature++) {
          writer.write(
              series(true, replica),
              latent(planted, feature, replica, true, t),
              planted.plan().checkpoints().get(t - 1),
              planted.plan().checkpoints().get(t),
              takenOver(planted, feature, t) ? 0L : 30L,
              40L,
              50L);
        }
      }
      return writer.finish();
    }
  }
}
