package dev.ontogeny.job;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Manifest;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.PublicationFixture;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
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
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * Publishes untrained dictionaries: a chain of random directions that turn a little from checkpoint
 * to checkpoint, and one independent dictionary. Some latents are switched off, one is a copy of
 * another.
 */
public final class DictionaryFixture {
  private DictionaryFixture() {}

  /** Decides the identity of a folder. */
  public record Settings(int width, int k, float biasStep) {}

  /** A chain over all checkpoints of a site, and an independent dictionary at the last. */
  public static void publish(Folder folder, ShardedDataset dataset, String site, int width, int k)
      throws IOException {
    publish(folder, dataset, site, width, k, 0.01f);
  }

  /** Likewise; each latent has a bias lower by a step than the one before, and so fires less. */
  public static void publish(
      Folder folder, ShardedDataset dataset, String site, int width, int k, float biasStep)
      throws IOException {
    Settings settings = new Settings(width, k, biasStep);
    List<PublishedFile> files = new ArrayList<>();
    List<Long> checkpoints = dataset.site(site).checkpoints();
    for (int t = 0; t < checkpoints.size(); t++) {
      files.addAll(write(folder, dataset, site, checkpoints.get(t), t, "chain", settings));
    }
    int last = checkpoints.size() - 1;
    files.addAll(
        write(folder, dataset, site, checkpoints.get(last), last, "independent", settings));
    PublicationFixture.publish(
        folder,
        "dictionaries",
        settings,
        List.of(new Manifest.Input("dataset", "0".repeat(64), "somewhere", null, null)),
        files,
        Map.of());
  }

  private static List<PublishedFile> write(
      Folder folder,
      ShardedDataset dataset,
      String site,
      long checkpoint,
      int index,
      String mode,
      Settings settings)
      throws IOException {
    int inputs = dataset.site(site).width();
    Source source = new Source(site, checkpoint, inputs);
    boolean chain = mode.equals("chain");
    String family = mode + "-" + site + "-top-k-w" + settings.width() + "-k" + settings.k();
    String id = family + "-r0-c" + checkpoint;
    Dictionary dictionary = dictionary(dataset.moments(site, checkpoint), source, index, settings);
    DictionaryMetadata metadata =
        new DictionaryMetadata(
            DictionaryMetadata.VERSION,
            id,
            family,
            TopK.TYPE,
            Target.AUTOENCODER,
            settings.width(),
            settings.k(),
            List.of(source),
            0,
            0,
            chain ? family + "-r0" : null,
            index,
            null,
            null,
            null,
            TopK.TYPE.rule(),
            new DictionaryMetadata.Training(0, Json.object()),
            new DictionaryMetadata.Quality(1, settings.k(), 0, 1));
    FloatMatrix nothing = FloatMatrix.zeros(1, inputs);
    DictionaryFormat.Probe probe =
        new DictionaryFormat.Probe(nothing, FloatMatrix.zeros(1, settings.width()), nothing);
    return List.of(
        folder.write(
            id + "/dictionary.safetensors",
            null,
            out -> DictionaryFormat.write(dictionary, probe, out)),
        folder.write(
            id + "/dictionary.json",
            null,
            out -> out.write(Json.pretty(metadata).getBytes(StandardCharsets.UTF_8))));
  }

  private static Dictionary dictionary(
      Moments moments, Source source, int index, Settings settings) {
    int inputs = source.width();
    int width = settings.width();
    FloatMatrix encoder = FloatMatrix.zeros(inputs, width);
    FloatMatrix decoder = FloatMatrix.zeros(width, inputs);
    float[] encoderBias = new float[width];
    double trace = 0;
    float[] mean = new float[inputs];
    for (int i = 0; i < inputs; i++) {
      mean[i] = (float) moments.mean()[i];
      trace += moments.covariance()[i * inputs + i];
    }
    for (int f = 0; f < width; f++) {
      // The last latent points almost where the first does.
      RandomGenerator direction = Seeds.generator(5, "direction", f == width - 1 ? 0 : f);
      RandomGenerator turn = Seeds.generator(5, "turn", f);
      double square = 0;
      double[] vector = new double[inputs];
      for (int i = 0; i < inputs; i++) {
        vector[i] = direction.nextGaussian() + 0.1 * (index + 1) * turn.nextGaussian();
        square += vector[i] * vector[i];
      }
      for (int i = 0; i < inputs; i++) {
        float value = (float) (vector[i] / Math.sqrt(square));
        encoder.values()[i * width + f] = 1.5f * value;
        decoder.values()[f * inputs + i] = value;
      }
      // Every fifth never fires.
      encoderBias[f] = f % 5 == 4 ? -1000 : -settings.biasStep() * f;
    }
    return new Dictionary(
        TopK.TYPE,
        List.of(source),
        settings.k(),
        encoder,
        encoderBias,
        decoder,
        new float[inputs],
        mean,
        new float[] {(float) Math.sqrt(inputs / trace)});
  }
}
