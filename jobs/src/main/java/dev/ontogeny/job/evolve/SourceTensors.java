package dev.ontogeny.job.evolve;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TensorFile;
import dev.ontogeny.evolution.Directions;
import dev.ontogeny.evolution.Series;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.Closeable;
import java.io.IOException;
import java.util.stream.IntStream;

/** The weights of a dictionary that belong to one of its sources, read where they are asked for. */
final class SourceTensors implements Closeable {
  private final TensorFile file;
  private final int column;
  private final int width;
  private final int readColumn;
  private final int readWidth;

  /**
   * Opens a dictionary.
   *
   * @param t its place in the series
   */
  SourceTensors(Folder dictionaries, Series of, int t) throws IOException {
    file = TensorFile.open(dictionaries, of.dictionaries()[t] + "/dictionary.safetensors");
    column = of.columns()[t];
    width = of.width();
    readColumn = of.readColumn(t);
    readWidth = of.readWidth();
  }

  /** Rows of W_dec, [which.length, width]; of zeros for -1. */
  FloatMatrix decoders(int[] which) throws IOException {
    return file.rows("W_dec", which, column, width);
  }

  /** Rows of W_dec of a block of neighbouring features. */
  FloatMatrix decoders(int first, int count) throws IOException {
    return decoders(IntStream.range(first, first + count).toArray());
  }

  /** Directions of a block of neighbouring features. */
  Directions directions(int first, int count) throws IOException {
    return Directions.of(
        decoders(first, count), file.columns("W_enc", first, count, readColumn, readWidth));
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
