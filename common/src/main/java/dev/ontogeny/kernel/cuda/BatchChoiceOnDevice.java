package dev.ontogeny.kernel.cuda;

/** What choosing the largest of a batch takes beside candidates. */
final class BatchChoiceOnDevice {
  /** As {@code step.cu} has them. */
  private static final int BINS = 8192;

  private static final int PICKED = 3;

  final DeviceArray bins;
  final DeviceArray pick;

  /** Of each row, how many of the last key it has, then how many of these are its. */
  final DeviceArray ties;

  /** The smallest score that was chosen of each row. */
  final DeviceArray smallest;

  BatchChoiceOnDevice(CudaStream stream, int rows) {
    bins = stream.words(BINS);
    pick = stream.words(PICKED);
    ties = stream.words(rows);
    smallest = stream.words(rows);
  }
}
