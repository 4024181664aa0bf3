package dev.ontogeny.data;

import dev.ontogeny.run.Provenance;
import java.util.List;

/** Publishes what a test has written into a folder, as a job would at its end. */
public final class PublicationFixture {
  private PublicationFixture() {}

  /** The manifest over {@code files}, which lie in {@code folder} already. */
  public static Manifest publish(
      Folder folder,
      String kind,
      Record settings,
      List<Manifest.Input> inputs,
      List<PublishedFile> files,
      Object summary) {
    return publish(folder, kind, settings, inputs, files, PublishedTables.of(kind), summary);
  }

  /** The same of tables that lack something. */
  public static Manifest publish(
      Folder folder,
      String kind,
      Record settings,
      List<Manifest.Input> inputs,
      List<PublishedFile> files,
      List<TableSchema> tables,
      Object summary) {
    Publication publication = Publication.of(folder, kind, settings, inputs);
    try (Claim claim = publication.claim()) {
      return publication.publish(
          claim, settings, inputs, files, tables, Provenance.here(null, null), summary);
    }
  }
}
