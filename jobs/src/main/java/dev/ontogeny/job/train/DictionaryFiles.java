package dev.ontogeny.job.train;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
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
import java.util.function.Function;
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

  /** A dictionary that was trained, with its log. */
  void write(Trainer.Trained trained) throws IOException {
    DictionaryPlan plan = trained.plan();
    Dictionary dictionary = trained.dictionary();
    PublishedFile log =
        trained
            .log()
            .write(
                publication.folder(), plan.id() + "/training_log.parquet", settings.recordRates());
    Quality quality =
        write(
            dictionary,
            found ->
                new DictionaryMetadata(
                    DictionaryMetadata.VERSION,
                    plan.id(),
                    plan.family(),
                    dictionary.type(),
                    dictionary.target(),
                    dictionary.width(),
                    dictionary.k(),
                    dictionary.sources(),
                    plan.seed(),
                    plan.replica(),
                    plan.series(),
                    plan.seriesIndex(),
                    plan.parent(),
                    plan.parentLink(),
                    plan.link(),
                    dictionary.type().rule() + dictionary.target().rule(),
                    new DictionaryMetadata.Training(plan.tokens(), Json.tree(plan.settings())),
                    found),
            List.of(log),
            trained.tokensPerSecond());
    LOG.info("{}: {}", plan.id(), told(quality));
  }

  /**
   * A dictionary with all its files, and how good it is on held-out rows.
   *
   * @param described what is said of it, once that is known
   * @param tables further files of it
   */
  Quality write(
      Dictionary dictionary,
      Function<Quality, DictionaryMetadata> described,
      List<PublishedFile> tables,
      double tokensPerSecond)
      throws IOException {
    HeldOut.Result heldOut =
        HeldOut.evaluate(dataset, dataset.summary().heldOutShards(), dictionary, kernels);
    DictionaryMetadata metadata = described.apply(heldOut.quality());
    Folder folder = publication.folder();
    List<PublishedFile> files =
        new ArrayList<>(DictionaryFolder.write(folder, metadata, dictionary, heldOut.probe()));
    files.addAll(tables);
    if (dictionary.reconstructed().size() > 1) {
      files.add(
          DecoderNorms.write(
              folder, metadata.id() + "/decoder_norms.parquet", metadata.id(), dictionary));
    }
    publication.finished(
        metadata.id(),
        files,
        new Outcome(heldOut.quality(), kernels.name(), null, tokensPerSecond, false));
    return heldOut.quality();
  }

  /** For the log. */
  static String told(Quality quality) {
    return String.format(
        Locale.ROOT,
        "held-out fvu %.4f, l0 %.1f, dead %.3f",
        quality.fvu(),
        quality.l0(),
        quality.deadShare());
  }

  /** That there is none, and why. */
  void failed(String id, String reason) throws IOException {
    publication.finished(id, List.of(), new Outcome(null, kernels.name(), reason, 0, false));
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
