package dev.ontogeny.kernel.cuda;

import dev.ontogeny.dictionary.Dictionary;
import java.util.Arrays;

/**
 * Rows of a batch, centred and rounded, with their products with an encoder, and the encoder
 * rounded for these: what finding latents takes.
 */
final class RowsOnDevice {
  /** bf16 products want rows at places that 16 bytes divide. */
  private static final int ALIGNED = 8;

  private final CudaStream stream;
  private final int columns;
  private final int read;
  private final int width;
  private final int stride;
  private final DeviceArray mean;
  private final DeviceArray scale;

  /** Rows as they came, [n, columns]. */
  final DeviceArray batch;

  /** [n, columns]. */
  final DeviceArray centred;

  private final DeviceArray rounded;
  private final DeviceArray lengths;
  private final DeviceArray losses;

  /** The encoder as bf16, and the lengths of its latents and of what rounding takes away. */
  final DeviceArray encoder;

  final DeviceArray encoderLengths;
  final DeviceArray encoderLosses;

  /** [n, F]. */
  final DeviceArray products;

  private final DeviceArray candidates;

  /**
   * @param columns of a row, the first ones of the dictionary's
   * @param rows of a batch, at most
   */
  RowsOnDevice(CudaStream stream, Dictionary dictionary, int columns, int rows) {
    this.stream = stream;
    this.columns = columns;
    read = dictionary.readColumns();
    width = dictionary.width();
    stride = stride(read);
    mean = stream.of(Arrays.copyOf(dictionary.inputMean(), columns));
    scale = stream.of(Arrays.copyOf(dictionary.columnScale(), columns));
    batch = stream.words((long) rows * columns);
    centred = stream.words((long) rows * columns);
    rounded = stream.bytes(2L * rows * stride);
    lengths = stream.words(rows);
    losses = stream.words(rows);
    encoder = stream.bytes(2L * width * stride);
    encoderLengths = stream.words(width);
    encoderLosses = stream.words(width);
    products = stream.words((long) rows * width);
    candidates = stream.words((long) rows * width);
  }

  /** Bytes of all this. */
  static long memory(int columns, int read, int width, int rows) {
    return 4L * rows * (2L * columns + 2L * width + 2)
        + 2L * stride(read) * (rows + (long) width)
        + 8L * (width + columns);
  }

  private static int stride(int read) {
    return (read + ALIGNED - 1) / ALIGNED * ALIGNED;
  }

  int stride() {
    return stride;
  }

  /** Rounds an encoder, [F, R]. */
  void round(DeviceArray weights) {
    stream.launch(
        "round_encoder", width, 1, weights, read, encoder, stride, encoderLengths, encoderLosses);
  }

  /** Centres the batch and multiplies it. */
  void multiply(int rows, DeviceArray bias) {
    multiply(rows, batch, bias);
  }

  /** Centres a batch that lies elsewhere and multiplies it. */
  void multiply(int rows, DeviceArray batch, DeviceArray bias) {
    stream.launch(
        "centre", rows, 1, batch, mean, scale, bias, columns, read, centred, rounded, stride,
        lengths, losses);
    stream.product(CublasLt.BF16, encoder, width, rounded, rows, stride, products);
  }

  /**
   * The largest of each row.
   *
   * @param weights the encoder in fp32, [F, R]
   * @param k how many; 0 for what the settings say
   * @param dead those that take part; null for all
   * @param needed none is selected where this is 0; null for always
   * @param into with marks or without
   */
  void selectLargest(
      int rows,
      DeviceArray weights,
      DeviceArray bias,
      DeviceArray settings,
      int k,
      DeviceArray dead,
      DeviceArray needed,
      RowCodes into) {
    stream.launch(
        "select_largest",
        rows,
        1,
        products,
        width,
        centred,
        columns,
        read,
        weights,
        bias,
        lengths,
        losses,
        encoderLengths,
        encoderLosses,
        settings,
        k,
        dead,
        needed,
        candidates,
        into.most,
        into.ids,
        into.values,
        into.counts,
        into.marks,
        into.words(rows));
  }

  /**
   * The largest of the batch.
   *
   * @param norms what pre-activations are multiplied by before they are compared, [F]; null for 1
   * @param choice room and what comes of it beside codes
   */
  void selectLargestOfBatch(
      int rows,
      DeviceArray weights,
      DeviceArray bias,
      DeviceArray settings,
      DeviceArray norms,
      BatchChoiceOnDevice choice,
      RowCodes into) {
    stream.clear(choice.bins);
    stream.launch(
        "batch_bins",
        rows,
        1,
        products,
        width,
        read,
        bias,
        lengths,
        losses,
        encoderLengths,
        encoderLosses,
        norms,
        choice.bins);
    stream.launch("batch_bar", 1, 1, choice.bins, settings, rows, choice.pick);
    stream.launch(
        "batch_candidates",
        rows,
        1,
        products,
        width,
        centred,
        columns,
        read,
        weights,
        bias,
        lengths,
        losses,
        encoderLengths,
        encoderLosses,
        norms,
        choice.pick,
        candidates,
        into.counts);
    stream.clear(choice.bins);
    for (int shift = 24; shift >= 0; shift -= 8) {
      stream.launch(
          "batch_digits",
          rows,
          1,
          products,
          width,
          bias,
          norms,
          candidates,
          into.counts,
          shift,
          choice.pick,
          choice.bins);
      stream.launch("batch_digit", 1, 1, shift, choice.bins, choice.pick);
    }
    stream.launch(
        "batch_ties",
        rows,
        1,
        products,
        width,
        bias,
        norms,
        candidates,
        into.counts,
        choice.pick,
        choice.ties);
    stream.launch("batch_shares", 1, 1, rows, choice.pick, choice.ties);
    stream.launch(
        "batch_take",
        rows,
        1,
        products,
        width,
        bias,
        norms,
        candidates,
        choice.pick,
        choice.ties,
        into.most,
        into.ids,
        into.values,
        into.counts,
        into.marks,
        into.words(rows),
        choice.smallest);
  }

  /**
   * Those above the bounds of their latents.
   *
   * @param firing from where on they fire, [F]
   * @param fires receives how many of each row do, [n]
   */
  void selectEntries(
      int rows,
      DeviceArray weights,
      DeviceArray bias,
      DeviceArray bounds,
      DeviceArray firing,
      DeviceArray fires,
      RowCodes into) {
    stream.launch(
        "select_entries",
        rows,
        1,
        products,
        width,
        centred,
        columns,
        read,
        weights,
        bias,
        lengths,
        losses,
        encoderLengths,
        encoderLosses,
        bounds,
        firing,
        candidates,
        into.most,
        into.ids,
        into.values,
        into.counts,
        into.marks,
        into.words(rows),
        fires);
  }

  /** Leaves what is above the bars of its latent in the products, exact, beside zeros. */
  void selectAbove(
      int rows, DeviceArray weights, DeviceArray bias, DeviceArray bars, DeviceArray counts) {
    stream.launch(
        "select_above",
        rows,
        1,
        products,
        width,
        centred,
        columns,
        read,
        weights,
        bias,
        lengths,
        losses,
        encoderLengths,
        encoderLosses,
        bars,
        candidates,
        counts);
  }
}
