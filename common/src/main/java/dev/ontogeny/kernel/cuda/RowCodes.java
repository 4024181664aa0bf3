package dev.ontogeny.kernel.cuda;

/** Codes of the rows of a batch: up to so many latents each, ascending. */
final class RowCodes {
  final int most;

  /** [n, most]. */
  final DeviceArray ids;

  /** [n, most]. */
  final DeviceArray values;

  /** How many of a row, [n]. */
  final DeviceArray counts;

  /** A bit for each row, latent by latent; null where nobody asks by latent. */
  final DeviceArray marks;

  /**
   * @param rows of a batch, at most
   * @param width F, for marks; 0 for none
   */
  RowCodes(CudaStream stream, int rows, int most, int width) {
    this.most = most;
    ids = stream.words((long) rows * most);
    values = stream.words((long) rows * most);
    counts = stream.words(rows);
    marks = width == 0 ? null : stream.words((long) width * words(rows));
  }

  /** Words of marks for each latent. */
  int words(int rows) {
    return (rows + 31) / 32;
  }

  /** Bytes of such codes. */
  static long memory(int rows, int most, int width) {
    return 4L * rows * (2L * most + 1) + 4L * width * ((rows + 31) / 32);
  }
}
