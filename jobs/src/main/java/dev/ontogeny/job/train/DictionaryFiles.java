package dev.ontogeny.job.train;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.job.train.TrainTask.Outcome;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.run.Json;
import dev.ontogeny.train.DecoderNorms;
import dev.ontogeny.train.DictionaryPlan;
import dev.ontogeny.train.HeldOut;
import dev.ontogeny.train.Trainer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What an executor leaves of each dictionary: its files, and a record with its {@link Outcome}. */
final class DictionaryFiles {
  private static final Logger LOG = LoggerFactory.getLogger(DictionaryFiles.class);

  private final ShardedDataset dataset;
  private final Publication publication;
  private final TrainSettings settings;
  private final KernelProvider kernels;

  DictionaryFiles(
      ShardedDataset dataset,
      Publication publication,
      TrainSettings settings,
      KernelProvider kernels) {
    this.dataset = dataset;
    this.publication = publication;
    this.settings = settings;
    this.kernels = kernels;
  }

  /** A dictionary with all its files, how good it is on held-out rows included. */
  void write(Trainer.Trained trained) throws IOException {
    DictionaryPlan plan = trained.plan();
    HeldOut.Result heldOut =
        HeldOut.evaluate(dataset, dataset.summary().heldOutShards(), trained.dictionary(), kernels);
    DictionaryMetadata metadata =
        new DictionaryMetadata(
            DictionaryMetadata.VERSION,
            plan.id(),
            plan.family(),
            trained.dictionary().type(),
            trained.dictionary().target(),
            trained.dictionary().width(),
            trained.dictionary().k(),
            trained.dictionary().sources(),
            plan.seed(),
            plan.replica(),
            plan.series(),
            plan.seriesIndex(),
            plan.parent(),
            plan.parentLink(),
            plan.link(),
            trained.dictionary().type().rule() + trained.dictionary().target().rule(),
            new DictionaryMetadata.Training(plan.tokens(), Json.tree(plan.settings())),
            heldOut.quality());
    Folder folder = publication.folder();
    List<PublishedFile> files =
        new ArrayList<>(
            DictionaryFolder.write(folder, metadata, trained.dictionary(), heldOut.probe()));
    files.add(
        trained.log().write(folder, plan.id() + "/training_log.parquet", settings.recordRates()));
    if (plan.reconstructed() > 1) {
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

  /** That there is none, and why. */
  void failed(DictionaryPlan plan, String reason) throws IOException {
    publication.finished(plan.id(), List.of(), new Outcome(null, kernels.name(), reason, 0, false));
  }

  /** A dictionary out of another folder. */
  void take(DictionaryPlan plan, TrainTask.Reuse from) throws IOException {
    List<PublishedFile> files = new ArrayList<>();
    for (PublishedFile file : from.files()) {
      publication.folder().copy(from.folder(), file);
      files.add(file);
    }
    publication.finished(plan.id(), files, new Outcome(from.quality(), null, null, 0, true));
    LOG.info("{}: taken from {}", plan.id(), from.folder());
  }
}
