package dev.ontogeny.kernel.cuda;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.matrix.Transposition;
import dev.ontogeny.type.Activation;
import java.util.stream.IntStream;

/** Encoding and decoding on a GPU, for every kind of dictionary. Only codes leave the device. */
final class CudaEncoding implements EncodingKernel {
  private final CudaStream stream;
  private final int columns;
  private final int read;
  private final int width;
  private final int most;

  /** Latents of a row where k decides; 0 for all above their threshold. */
  private final int k;

  private final RowsOnDevice rows;
  private final RowCodes largest;
  private final DeviceArray encoder;
  private final DeviceArray encoderBias;
  private final DeviceArray thresholds;
  private final DeviceArray counts;
  private final DeviceArray decoder;
  private final DeviceArray bias;
  private final DeviceArray scale;
  private final DeviceArray mean;

  /** What a code has to exceed for a source, [S, F]; null where all count. */
  private final DeviceArray bars;

  private final DeviceArray sourceOf;
  private final DeviceArray starts;
  private final DeviceArray decoded;

  /** Codes of a batch one after the other; grow with what there is. */
  private DeviceArray ids;

  private DeviceArray values;

  CudaEncoding(CudaDevice device, Dictionary dictionary, int most) {
    this.most = most;
    columns = dictionary.inputs();
    read = dictionary.readColumns();
    width = dictionary.width();
    k = dictionary.type().activation() == Activation.LARGEST_OF_ROW ? dictionary.k() : 0;
    stream = new CudaStream(device);
    try {
      encoder = stream.of(Transposition.of(dictionary.encoder().firstRows(read)));
      encoderBias = stream.of(dictionary.encoderBias());
      thresholds = k > 0 ? null : stream.of(dictionary.firingThreshold());
      rows = new RowsOnDevice(stream, dictionary, read, most);
      rows.round(encoder);
      largest = k > 0 ? new RowCodes(stream, most, k, 0) : null;
      counts = k > 0 ? largest.counts : stream.words(most);
      decoder = stream.of(dictionary.decoder().values());
      bias = stream.of(dictionary.decoderBias());
      scale = stream.of(dictionary.columnScale());
      mean = stream.of(dictionary.inputMean());
      boolean bySource = dictionary.type().activation().bySource();
      bars = bySource ? stream.of(barsBySource(dictionary)) : null;
      sourceOf = bySource ? stream.words(columns) : null;
      if (bySource) {
        stream.upload(sources(dictionary), columns, sourceOf);
      }
      starts = stream.words(most + 1L);
      decoded = stream.words((long) most * columns);
      stream.await();
    } catch (RuntimeException e) {
      stream.close();
      throw e;
    }
  }

  private float[] barsBySource(Dictionary dictionary) {
    int count = dictionary.sources().size();
    float[] all = new float[Math.multiplyExact(count, width)];
    for (int s = 0; s < count; s++) {
      System.arraycopy(dictionary.sourceThreshold(s), 0, all, s * width, width);
    }
    return all;
  }

  /** The source of each column. */
  private static int[] sources(Dictionary dictionary) {
    return IntStream.range(0, dictionary.sources().size())
        .flatMap(s -> IntStream.generate(() -> s).limit(dictionary.sources().get(s).width()))
        .toArray();
  }

  @Override
  public void encode(FloatMatrix batch, SparseCodes into) {
    int n = batch.rows();
    into.reset(n, 0);
    if (n == 0) {
      return;
    }
    require(n);
    stream.use();
    FloatMatrix first = batch.columns() == read ? batch : batch.columns(0, read);
    stream.upload(first.values(), n * read, rows.batch);
    rows.multiply(n, bias);
    if (k > 0) {
      rows.selectLargest(n, encoder, encoderBias, null, k, null, null, largest);
    } else {
      rows.selectAbove(n, encoder, encoderBias, thresholds, counts);
    }
    int[] perRow = stream.ints(counts, n);
    for (int row = 0; row < n; row++) {
      into.starts()[row + 1] = Math.addExact(into.starts()[row], perRow[row]);
    }
    int size = into.starts()[n];
    into.ensure(size);
    if (k > 0) {
      int[] chosen = stream.ints(largest.ids, n * k);
      float[] codes = stream.floats(largest.values, n * k);
      for (int row = 0; row < n; row++) {
        System.arraycopy(chosen, row * k, into.indices(), into.starts()[row], perRow[row]);
        System.arraycopy(codes, row * k, into.values(), into.starts()[row], perRow[row]);
      }
    } else if (size > 0) {
      hold(size);
      stream.upload(into.starts(), n + 1, starts);
      stream.launch("compact", n, 1, rows.products, width, starts, ids, values);
      System.arraycopy(stream.ints(ids, size), 0, into.indices(), 0, size);
      System.arraycopy(stream.floats(values, size), 0, into.values(), 0, size);
    }
  }

  private void require(int n) {
    if (n > most) {
      throw new IllegalArgumentException("a batch of " + n + " rows, expected are up to " + most);
    }
  }

  /** Makes room for so many codes. */
  private void hold(int size) {
    if (ids == null || ids.bytes() < 4L * size) {
      if (ids != null) {
        stream.free(ids);
        stream.free(values);
      }
      ids = stream.words(size + size / 2L);
      values = stream.words(size + size / 2L);
    }
  }

  @Override
  public void decode(SparseCodes codes, FloatMatrix into) {
    int n = codes.rows();
    if (n == 0) {
      return;
    }
    require(n);
    stream.use();
    int size = codes.size();
    hold(Math.max(1, size));
    stream.upload(codes.starts(), n + 1, starts);
    stream.upload(codes.indices(), size, ids);
    stream.upload(codes.values(), size, values);
    stream.launch(
        "decode", n, 1, starts, ids, values, decoder, bias, scale, mean, bars, sourceOf, width,
        columns, decoded);
    float[] all = stream.floats(decoded, n * columns);
    System.arraycopy(all, 0, into.values(), 0, all.length);
  }

  @Override
  public void close() {
    stream.close();
  }
}
