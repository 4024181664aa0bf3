package dev.ontogeny.train;

import dev.ontogeny.data.DictionaryTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import java.io.IOException;
import java.util.List;

/** The training log of one dictionary. */
public final class TrainingLog {
  private final String dictionary;
  private final List<LogRow> rows;

  TrainingLog(String dictionary, List<LogRow> rows) {
    this.dictionary = dictionary;
    this.rows = List.copyOf(rows);
  }

  /**
   * Writes it as a table.
   *
   * @param withRates whether tokens per second are written; a file that holds measured times has
   *     other bytes on every run
   */
  public PublishedFile write(Folder folder, String path, boolean withRates) throws IOException {
    try (TableWriter writer = TableWriter.open(folder, path, DictionaryTables.TRAINING_LOG)) {
      for (LogRow row : rows) {
        writer.write(
            dictionary,
            row.step(),
            row.tokens(),
            row.loss(),
            row.fvu(),
            row.l0(),
            row.deadShare(),
            row.auxiliaryLoss(),
            row.learningRate(),
            withRates ? (Double) row.tokensPerSecond() : null);
      }
      return writer.finish().ofDictionary(dictionary);
    }
  }
}
