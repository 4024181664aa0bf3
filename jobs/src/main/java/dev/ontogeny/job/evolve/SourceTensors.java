package dev.ontogeny.job.evolve;

import dev.ontogeny.data.Folder;
import dev.ontogeny.data.TensorFile;
import dev.ontogeny.evolution.Directions;
import dev.ontogeny.matrix.FloatMatrix;
import java.io.Closeable;
import java.io.IOException;
import java.util.stream.IntStream;

/** The weights of a dictionary that belong to one of its sources, read where they are asked for. */
final class SourceTensors implements Closeable {
  private final TensorFile file;
  private final int column;
  private final int width;

  /**
   * Opens a dictionary.
   *
   * @param column the first of the source's, among the columns of all sources
   * @param width how many they are
   */
  SourceTensors(Folder dictionaries, String id, int column, int width) throws IOException {
    file = TensorFile.open(dictionaries, id + "/dictionary.safetensors");
    this.column = column;
    this.width = width;
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
        decoders(first, count), file.columns("W_enc", first, count, column, width));
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
