package dev.ontogeny.job.train;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryFormat;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Json;
import dev.ontogeny.train.BatchStream;
import dev.ontogeny.train.DecoderNorms;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.HeldOut;
import dev.ontogeny.train.InitialDictionary;
import dev.ontogeny.train.Trainer;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.api.java.function.PairFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.LongAccumulator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Tuple2;

/**
 * Trains one lane of series, checkpoint by checkpoint: opens, calls the trainer, writes, leaves a
 * record of each dictionary. What is recorded already is not done again, so a retried task goes on
 * at the link, and within it at the step, where its predecessor was killed.
 */
final class TrainTask implements PairFunction<TrainPlan.Lane, Integer, Integer> {
  private static final long serialVersionUID = 1;
  private static final Logger LOG = LoggerFactory.getLogger(TrainTask.class);

  private final Broadcast<ShardedDataset> dataset;
  private final Publication publication;
  private final TrainSettings settings;
  private final Map<String, Reuse> reusable;
  private final int threads;
  private final LongAccumulator rows;

  /** A dictionary that another folder holds already: its files there. */
  record Reuse(Folder folder, List<PublishedFile> files, DictionaryMetadata.Quality quality)
      implements Serializable {}

  /**
   * What the driver learns of a dictionary.
   *
   * @param quality null if it failed
   * @param kernel null if it was taken from another folder
   * @param failure null unless it failed
   */
  record Outcome(
      DictionaryMetadata.Quality quality,
      String kernel,
      String failure,
      double tokensPerSecond,
      boolean reused) {}

  TrainTask(
      Broadcast<ShardedDataset> dataset,
      Publication publication,
      TrainSettings settings,
      Map<String, Reuse> reusable,
      int threads,
      LongAccumulator rows) {
    this.dataset = dataset;
    this.publication = publication;
    this.settings = settings;
    this.reusable = reusable;
    this.threads = threads;
    this.rows = rows;
  }

  @Override
  public Tuple2<Integer, Integer> call(TrainPlan.Lane lane) throws IOException {
    KernelProvider kernels = Kernels.provider(settings.kernel(), threads);
    Trainer trainer =
        new Trainer(
            dataset.value(),
            kernels,
            publication.folder(),
            publication.scratchPath("training"),
            settings.stateSeconds(),
            rows::add);
    int done = 0;
    for (int checkpoint = 0; checkpoint < lane.series().get(0).size(); checkpoint++) {
      List<DictionaryPlan> waiting = new ArrayList<>();
      for (List<DictionaryPlan> series : lane.series()) {
        DictionaryPlan plan = series.get(checkpoint);
        if (publication.unit(plan.id()).isPresent()) {
          continue;
        }
        if (reusable.containsKey(plan.id())) {
          take(plan, reusable.get(plan.id()));
        } else {
          waiting.add(plan);
        }
      }
      done += train(lane, checkpoint, waiting, trainer, kernels);
    }
    return new Tuple2<>(0, done);
  }

  private int train(
      TrainPlan.Lane lane,
      int checkpoint,
      List<DictionaryPlan> waiting,
      Trainer trainer,
      KernelProvider kernels)
      throws IOException {
    if (waiting.isEmpty()) {
      return 0;
    }
    List<Source> sources = waiting.get(0).sources();
    List<Moments> moments = new ArrayList<>();
    for (Source source : sources) {
      moments.add(dataset.value().moments(source.site(), source.checkpoint()));
    }
    List<DictionaryPlan> plans = new ArrayList<>();
    List<Dictionary> initial = new ArrayList<>();
    // Plans of a bundle have one batch size and begin with the same batch.
    FloatMatrix batch = null;
    for (DictionaryPlan plan : waiting) {
      if (plan.parent() == null) {
        batch = batch == null ? firstBatch(lane, checkpoint, plan) : batch;
        Dictionary first = random(plan, moments, batch, kernels);
        DictionaryPlan weighted = plan.withSourceWeights(plan.weighting().of(first, batch));
        plans.add(weighted);
        initial.add(weighted.specification().started(first));
        continue;
      }
      Optional<Dictionary> parent = parent(plan);
      if (parent.isPresent()) {
        plans.add(plan);
        initial.add(InitialDictionary.continued(parent.get(), sources.get(0), moments.get(0)));
      } else {
        failed(plan, "its parent " + plan.parent() + " failed", kernels);
      }
    }
    if (plans.isEmpty()) {
      return 0;
    }
    List<Trainer.Trained> trained =
        trainer.train(plans, initial, lane.order(checkpoint, settings.seed()));
    for (Trainer.Trained each : trained) {
      if (each.failure() == null) {
        write(each, kernels);
      } else {
        failed(each.plan(), each.failure(), kernels);
      }
      trainer.forget(each.plan());
    }
    return trained.size();
  }

  /** Random directions, where k bounds the code with an encoder that fits the first batch. */
  private static Dictionary random(
      DictionaryPlan plan, List<Moments> moments, FloatMatrix batch, KernelProvider kernels) {
    int k = plan.specification().type().selection().k();
    int width = plan.specification().width();
    Dictionary random = InitialDictionary.random(plan.sources(), moments, width, k, plan.seed());
    return k == 0 ? random : InitialDictionary.fitted(random, batch, kernels);
  }

  private FloatMatrix firstBatch(TrainPlan.Lane lane, int checkpoint, DictionaryPlan plan)
      throws IOException {
    try (BatchStream stream =
        new BatchStream(
            dataset.value(), lane.order(checkpoint, settings.seed()), plan.batch(), 0)) {
      return stream.next();
    }
  }

  /** The parent's weights, out of this very publication; none if it failed. */
  private Optional<Dictionary> parent(DictionaryPlan plan) throws IOException {
    Outcome outcome =
        publication
            .unit(plan.parent())
            .map(unit -> Json.fromTree(unit.result(), Outcome.class))
            .orElseThrow(
                () -> new IllegalStateException("no record of " + plan.parent() + ", the parent"));
    if (outcome.failure() != null) {
      return Optional.empty();
    }
    Folder folder = publication.folder();
    String description = plan.parent() + "/dictionary.json";
    String tensors = plan.parent() + "/dictionary.safetensors";
    DictionaryMetadata metadata =
        Json.read(
            folder.readText(description), DictionaryMetadata.class, folder.resolve(description));
    try (InputStream in = new BufferedInputStream(folder.open(tensors), 1 << 20)) {
      return Optional.of(DictionaryFormat.read(metadata, in, folder.resolve(tensors)));
    }
  }

  private void write(Trainer.Trained trained, KernelProvider kernels) throws IOException {
    DictionaryPlan plan = trained.plan();
    ShardedDataset data = dataset.value();
    HeldOut.Result heldOut =
        HeldOut.evaluate(data, data.summary().heldOutShards(), trained.dictionary(), kernels);
    DictionaryMetadata metadata =
        new DictionaryMetadata(
            DictionaryMetadata.VERSION,
            plan.id(),
            plan.family(),
            trained.dictionary().type(),
            "autoencoder",
            trained.dictionary().width(),
            trained.dictionary().k(),
            trained.dictionary().sources(),
            plan.seed(),
            plan.replica(),
            plan.series(),
            plan.seriesIndex(),
            plan.parent(),
            plan.link(),
            trained.dictionary().type().rule(),
            new DictionaryMetadata.Training(
                plan.tokens(),
                Json.tree(
                    Map.of(
                        "specification", plan.specification(),
                        "schedule", plan.schedule(),
                        "batch", plan.batch(),
                        "steps", plan.steps()))),
            heldOut.quality());
    Folder folder = publication.folder();
    List<PublishedFile> files = new ArrayList<>();
    files.add(
        folder
            .write(
                plan.id() + "/dictionary.safetensors",
                null,
                out -> {
                  OutputStream buffered = new BufferedOutputStream(out, 1 << 20);
                  DictionaryFormat.write(trained.dictionary(), heldOut.probe(), buffered);
                  buffered.flush();
                })
            .ofDictionary(plan.id()));
    byte[] json = Json.pretty(metadata).getBytes(StandardCharsets.UTF_8);
    files.add(
        folder
            .write(plan.id() + "/dictionary.json", null, out -> out.write(json))
            .ofDictionary(plan.id()));
    files.add(
        trained.log().write(folder, plan.id() + "/training_log.parquet", settings.recordRates()));
    if (plan.sources().size() > 1) {
      files.add(
          DecoderNorms.write(
              folder, plan.id() + "/decoder_norms.parquet", plan.id(), trained.dictionary()));
    }
    publication.finished(
        plan.id(),
        files,
        new Outcome(heldOut.quality(), kernels.name(), null, trained.tokensPerSecond(), false));
    LOG.info(
        String.format(
            Locale.ROOT,
            "%s: held-out fvu %.4f, l0 %.1f, dead %.3f",
            plan.id(),
            heldOut.quality().fvu(),
            heldOut.quality().l0(),
            heldOut.quality().deadShare()));
  }

  private void failed(DictionaryPlan plan, String reason, KernelProvider kernels)
      throws IOException {
    publication.finished(plan.id(), List.of(), new Outcome(null, kernels.name(), reason, 0, false));
  }

  private void take(DictionaryPlan plan, Reuse from) throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    for (PublishedFile file : from.files()) {
      PublishedFile copied =
          publication
              .folder()
              .write(
                  file.path(),
                  file.table(),
                  out -> {
                    try (InputStream in = from.folder().open(file.path())) {
                      in.transferTo(out);
                    }
                  });
      if (!copied.sha256().equals(file.sha256())) {
        throw dev.ontogeny.run.Failure.data(
            "%s has other bytes than its manifest says", from.folder().resolve(file.path()));
      }
      files.add(file);
    }
    publication.finished(plan.id(), files, new Outcome(from.quality(), null, null, 0, true));
    LOG.info("{}: taken from {}", plan.id(), from.folder());
  }
}
