package dev.ontogeny.job.export;

import dev.ontogeny.data.DictionaryFolder;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Publication;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.DictionaryMetadata;
import dev.ontogeny.export.Origin;
import dev.ontogeny.export.PeerFormats;
import dev.ontogeny.export.SourceSlice;
import java.io.IOException;
import java.util.List;
import org.apache.spark.api.java.function.VoidFunction;

/** Reads a dictionary and writes it as the format has it; what is recorded is not done again. */
final class ExportTask implements VoidFunction<ExportPlan.Item> {
  private static final long serialVersionUID = 1;

  private final Folder from;
  private final Publication publication;
  private final ExportSettings settings;

  ExportTask(Folder from, Publication publication, ExportSettings settings) {
    this.from = from;
    this.publication = publication;
    this.settings = settings;
  }

  @Override
  public void call(ExportPlan.Item item) throws IOException {
    if (publication.unit(item.name()).isPresent()) {
      return;
    }
    DictionaryMetadata metadata =
        DictionaryFolder.metadata(from, item.dictionary() + "/dictionary.json");
    Dictionary dictionary = DictionaryFolder.read(from, metadata);
    if (item.source() >= 0) {
      dictionary = SourceSlice.of(dictionary, item.source());
      metadata = SourceSlice.of(metadata, item.source());
    }
    List<PublishedFile> files =
        PeerFormats.of(settings.format())
            .write(
                publication.folder(),
                item.name(),
                dictionary,
                Origin.of(metadata, settings.model()));
    publication.finished(
        item.name(),
        files.stream().map(each -> each.ofDictionary(item.dictionary())).toList(),
        item.name());
  }
}
