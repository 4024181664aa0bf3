package dev.ontogeny.job.demo;

import dev.ontogeny.data.DatasetTables;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.TableReader;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.demo.CaptureWriter;
import dev.ontogeny.demo.ModularAddition;
import dev.ontogeny.demo.ModularAddition.State;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Json;
import dev.ontogeny.stats.InteractionSpectrum;
import dev.ontogeny.stats.RankCorrelation;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/**
 * The half of the demonstration with a real network: it learns to add modulo p, and the frequencies
 * that its dictionaries hold are compared with those of its own activations and with its accuracy.
 */
final class DemoAddition {
  private static final String SITE = "hidden";
  private static final String NETWORK = "network.json";
  private static final List<String> LABELS = List.of("label_sum", "label_split");

  private final DemoSettings settings;
  private final DemoSettings.Addition addition;
  private final DemoLine line;

  /**
   * One epoch.
   *
   * @param frequenciesInNetwork those formed in the network's own activations
   * @param frequenciesInDictionary those formed in the latents of the dictionary of that epoch
   */
  record Epoch(
      int epoch,
      double trainAccuracy,
      double testAccuracy,
      List<Integer> frequenciesInNetwork,
      List<Integer> frequenciesInDictionary) {}

  /**
   * How well the dictionaries tell what the network learns.
   *
   * @param frequenciesExpected how many are formed in the network at the end
   * @param frequenciesFound how many of those are formed in the dictionary at the end
   * @param rankCorrelationWithTestAccuracy of the number of frequencies in the dictionary, over
   *     epochs (Spearman)
   */
  record Verification(
      int frequenciesExpected,
      int frequenciesFound,
      double rankCorrelationWithTestAccuracy,
      double formedAt,
      List<Epoch> epochs) {}

  /**
   * What is kept of the network at a captured epoch.
   *
   * @param shares of the variance of its hidden activations in each frequency
   */
  record Snapshot(int epoch, double trainAccuracy, double testAccuracy, double[] shares) {}

  /** The network's own truth, by captured epoch. */
  record Network(List<Snapshot> epochs) {}

  DemoAddition(DemoSettings settings, DemoLine line) {
    this.settings = settings;
    this.addition = settings.addition();
    this.line = line;
  }

  Verification run(SparkSession spark) throws IOException {
    if (!line.folder().exists(NETWORK)) {
      List<Snapshot> snapshots = capture();
      // Written last: a capture that was cut off is made anew, one that is whole is left as it is.
      line.folder().writeText(NETWORK, Json.pretty(new Network(snapshots)));
    }
    line.run(
        spark,
        settings,
        addition.dictionaries(),
        "A network learns to add modulo " + addition.modulus());
    String network = line.folder().readText(NETWORK);
    return verify(Json.read(network, Network.class, NETWORK).epochs());
  }

  /** Trains the network and writes its hidden activations; rows are all pairs, (a, b). */
  private List<Snapshot> capture() throws IOException {
    List<Snapshot> snapshots = new ArrayList<>();
    try (ModularAddition network = new ModularAddition(addition.network(settings.seed()))) {
      for (int capture = 0; capture < addition.captures(); capture++) {
        network.train(addition.epoch(capture) - network.epoch());
        State state = network.state();
        write(network, state);
        snapshots.add(
            new Snapshot(
                state.epoch(),
                state.trainAccuracy(),
                state.testAccuracy(),
                new InteractionSpectrum(state.hidden(), addition.modulus()).shares()));
      }
    }
    return snapshots;
  }

  private void write(ModularAddition network, State state) throws IOException {
    int p = addition.modulus();
    int hidden = addition.hidden();
    float[] row = new float[hidden];
    try (CaptureWriter writer =
        CaptureWriter.open(line.capture(), SITE, state.epoch(), 0, LABELS)) {
      for (int pair = 0; pair < p * p; pair++) {
        int a = pair / p;
        int b = pair % p;
        int sum = (a + b) % p;
        System.arraycopy(state.hidden().values(), pair * hidden, row, 0, hidden);
        writer.write(
            a,
            b,
            sum,
            a + "+" + b + "=" + sum,
            List.of(Integer.toString(sum), network.trainedOn(a, b) ? "train" : "test"),
            row);
      }
    }
  }

  private Verification verify(List<Snapshot> network) throws IOException {
    ShardedDataset dataset = ShardedDataset.open(line.published("dataset"));
    List<DictionaryMetadata> series = line.series();
    int[] pairs = pairs(dataset);
    List<Epoch> epochs = new ArrayList<>();
    for (int i = 0; i < network.size(); i++) {
      Snapshot snapshot = network.get(i);
      epochs.add(
          new Epoch(
              snapshot.epoch(),
              snapshot.trainAccuracy(),
              snapshot.testAccuracy(),
              formed(snapshot.shares()),
              formed(spectrum(dataset, pairs, series.get(i)).shares())));
    }
    Epoch last = epochs.get(epochs.size() - 1);
    return new Verification(
        last.frequenciesInNetwork().size(),
        (int)
            last.frequenciesInNetwork().stream()
                .filter(last.frequenciesInDictionary()::contains)
                .count(),
        RankCorrelation.spearman(
            epochs.stream().mapToDouble(each -> each.frequenciesInDictionary().size()).toArray(),
            epochs.stream().mapToDouble(Epoch::testAccuracy).toArray()),
        addition.formedAt(),
        epochs);
  }

  /** Frequencies whose share is that many times what a function without structure has there. */
  private List<Integer> formed(double[] shares) {
    double least = addition.formedAt() * InteractionSpectrum.chance(addition.modulus());
    List<Integer> formed = new ArrayList<>();
    for (int k = 1; k <= shares.length; k++) {
      if (shares[k - 1] >= least) {
        formed.add(k);
      }
    }
    return formed;
  }

  /** The pair of every row of the dataset, a·p + b, in the order in which shards are read. */
  private int[] pairs(ShardedDataset dataset) throws IOException {
    int[] pairs = new int[addition.modulus() * addition.modulus()];
    int rows = 0;
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      try (TableReader tokens =
          TableReader.open(
              dataset.folder(),
              DatasetTables.TOKENS,
              dataset.tokensFile(shard).path(),
              "document",
              "position")) {
        for (Object[] key = tokens.next(); key != null; key = tokens.next()) {
          pairs[rows++] = Math.toIntExact((Long) key[0]) * addition.modulus() + (Integer) key[1];
        }
      }
    }
    if (rows != pairs.length) {
      throw new IllegalStateException(rows + " of " + pairs.length + " pairs are in the dataset");
    }
    return pairs;
  }

  /** The frequencies of a dictionary's latents over all pairs; its input is read back. */
  private InteractionSpectrum spectrum(
      ShardedDataset dataset, int[] pairs, DictionaryMetadata metadata) throws IOException {
    long checkpoint = metadata.sources().get(0).checkpoint();
    FloatMatrix hidden = FloatMatrix.zeros(pairs.length, addition.hidden());
    int rows = 0;
    for (int shard = 0; shard < dataset.summary().shards(); shard++) {
      try (VectorReader vectors = dataset.vectors(SITE, checkpoint, shard)) {
        rows += vectors.read(hidden, rows, Math.toIntExact(vectors.rows()));
      }
    }
    FloatMatrix latents = FloatMatrix.zeros(pairs.length, metadata.width());
    SparseCodes codes = new SparseCodes(metadata.width());
    try (EncodingKernel kernel =
        Kernels.provider("auto", 1)
            .encoding(
                DictionaryFolder.read(line.published("dictionaries"), metadata), pairs.length)) {
      kernel.encode(hidden, codes);
    }
    for (int row = 0; row < pairs.length; row++) {
      for (int i = codes.starts()[row]; i < codes.starts()[row + 1]; i++) {
        latents.values()[pairs[row] * latents.columns() + codes.indices()[i]] = codes.values()[i];
      }
    }
    return new InteractionSpectrum(latents, addition.modulus());
  }
}
