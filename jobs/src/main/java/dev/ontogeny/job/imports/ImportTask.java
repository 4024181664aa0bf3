package dev.ontogeny.job.imports;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.dictionary.DictionaryMetadata.Quality;
import dev.ontogeny.export.Imported;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.run.Json;
import dev.ontogeny.spark.Gpus;
import dev.ontogeny.train.DecoderNorms;
import dev.ontogeny.train.HeldOut;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;

/**
 * Reads a peer's dictionary and publishes it with its quality and a probe batch of the dataset's
 * held-out rows. What is recorded is not done again.
 */
final class ImportTask implements VoidFunction<ImportPlan.Item> {
  private static final long serialVersionUID = 1;

  private final Broadcast<ShardedDataset> dataset;
  private final Folder input;
  private final Publication publication;
  private final ImportSettings settings;
  private final int threads;

  /** What the driver learns of one. */
  record Outcome(Quality quality, String kernel) {}

  ImportTask(
      Broadcast<ShardedDataset> dataset,
      Folder input,
      Publication publication,
      ImportSettings settings,
      int threads) {
    this.dataset = dataset;
    this.input = input;
    this.publication = publication;
    this.settings = settings;
    this.threads = threads;
  }

  @Override
  public void call(ImportPlan.Item item) throws IOException {
    if (publication.unit(item.id()).isPresent()) {
      return;
    }
    Imported imported =
        PeerFormats.of(settings.format()).read(LookTask.folder(input, item.found().entry()));
    Dictionary dictionary = imported.dictionary(item.sources());
    KernelProvider kernels = Gpus.provider(settings.kernel(), threads);
    HeldOut.Result heldOut =
        HeldOut.evaluate(
            dataset.value(), dataset.value().summary().heldOutShards(), dictionary, kernels);
    Folder folder = publication.folder();
    List<PublishedFile> files =
        new ArrayList<>(
            DictionaryFolder.write(
                folder,
                metadata(item, dictionary, heldOut.quality()),
                dictionary,
                heldOut.probe()));
    if (dictionary.reconstructed().size() > 1) {
      files.add(
          DecoderNorms.write(folder, item.id() + "/decoder_norms.parquet", item.id(), dictionary));
    }
    publication.finished(item.id(), files, new Outcome(heldOut.quality(), kernels.name()));
  }

  private DictionaryMetadata metadata(
      ImportPlan.Item item, Dictionary dictionary, Quality quality) {
    ObjectNode from = Json.object();
    from.put("format", settings.format());
    from.put("path", item.found().entry().path());
    from.put("content", item.found().content());
    ObjectNode training = Json.object();
    training.set("imported", from);
    return new DictionaryMetadata(
        DictionaryMetadata.VERSION,
        item.id(),
        item.family(),
        dictionary.type(),
        dictionary.target(),
        dictionary.width(),
        dictionary.k(),
        dictionary.sources(),
        0,
        item.replica(),
        item.series(),
        item.seriesIndex(),
        item.parent(),
        null,
        item.link(),
        dictionary.type().rule() + dictionary.target().rule(),
        new DictionaryMetadata.Training(0, training),
        quality);
  }
}
