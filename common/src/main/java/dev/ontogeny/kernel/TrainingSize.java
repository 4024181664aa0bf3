package dev.ontogeny.kernel;

/**
 * How large a dictionary is that is trained.
 *
 * @param read columns that the encoder reads
 * @param reconstructed columns that the decoder writes
 * @param sources how many share these
 * @param maximumBatch rows of a step
 * @param threads that work on it
 */
public record TrainingSize(
    int read, int reconstructed, int sources, int maximumBatch, int threads) {
  /** Columns of the rows that it is trained on, about. */
  public int inputs() {
    return Math.max(read, reconstructed);
  }
}
