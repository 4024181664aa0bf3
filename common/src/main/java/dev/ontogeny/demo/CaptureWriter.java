package dev.ontogeny.demo;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TableSchema;
import dev.ontogeny.data.TableWriter;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/**
 * Writes one file of a capture as researchers have them: Parquet, {@code activation} a list of
 * floats, {@code site} and {@code checkpoint} as Hive partitions. Memory: one row group.
 */
public final class CaptureWriter implements Closeable {
  private final TableWriter writer;
  private final int labels;

  /**
   * Opens {@code site=<site>/checkpoint=<checkpoint>/part-<part>.parquet}.
   *
   * @param labels names of the label columns, each beginning with {@code label_}
   */
  public static CaptureWriter open(
      Folder capture, String site, long checkpoint, int part, List<String> labels)
      throws IOException {
    TableSchema.Builder schema =
        TableSchema.named("capture")
            .with(TableSchema.ColumnType.LONG, "document")
            .with(TableSchema.ColumnType.INT, "position", "token_id")
            .with(TableSchema.ColumnType.STRING, "token");
    labels.forEach(label -> schema.with(TableSchema.ColumnType.STRING, label));
    schema.with(TableSchema.ColumnType.FLOATS, "activation");
    String path =
        String.format(
            Locale.ROOT, "site=%s/checkpoint=%d/part-%05d.parquet", site, checkpoint, part);
    return new CaptureWriter(TableWriter.open(capture, path, schema.build()), labels.size());
  }

  private CaptureWriter(TableWriter writer, int labels) {
    this.writer = writer;
    this.labels = labels;
  }

  /**
   * Writes a planted capture: documents {@code 0 … documents − 1} at every checkpoint of the plan,
   * one file per checkpoint.
   */
  public static void write(Folder capture, String site, PlantedActivations planted, long documents)
      throws IOException {
    for (int t = 0; t < planted.plan().checkpoints().size(); t++) {
      write(capture, site, planted, documents, t);
    }
  }

  /** Writes one checkpoint, by its index, of a planted capture. */
  public static void write(
      Folder capture, String site, PlantedActivations planted, long documents, int checkpoint)
      throws IOException {
    long step = planted.plan().checkpoints().get(checkpoint);
    float[] activation = new float[planted.plan().width()];
    try (CaptureWriter writer = open(capture, site, step, 0, PlantedActivations.LABELS)) {
      for (long document = 0; document < documents; document++) {
        for (int position = 0; position < planted.plan().documentLength(); position++) {
          PlantedActivations.Token token = planted.token(document, position);
          planted.activation(token, checkpoint, activation);
          writer.write(
              document, position, token.tokenId(), token.token(), token.labels(), activation);
        }
      }
    }
  }

  /** Writes a row; {@code labels} has one value per label column. */
  public void write(
      long document,
      int position,
      int tokenId,
      String token,
      List<String> labelValues,
      float[] activation)
      throws IOException {
    if (labelValues.size() != labels) {
      throw new IllegalArgumentException(
          "a row has " + labels + " labels, got " + labelValues.size());
    }
    Object[] row = new Object[5 + labels];
    row[0] = document;
    row[1] = position;
    row[2] = tokenId;
    row[3] = token;
    for (int i = 0; i < labels; i++) {
      row[4 + i] = labelValues.get(i);
    }
    row[4 + labels] = activation;
    writer.write(row);
  }

  /** Ends the file; the same rows give the same bytes, as in published tables. */
  @Override
  public void close() throws IOException {
    var unused = writer.finish();
  }
}
