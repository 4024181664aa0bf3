package dev.ontogeny.stats;

import dev.ontogeny.data.RowBlock;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Encodes the rows of a block with all dictionaries of one source, and says how well each
 * reconstructs them. The rows are read once.
 */
public final class BlockEncoder implements AutoCloseable {
  private final int batchRows;
  private final int inputs;
  private final byte[] weights;
  private final int replicates;
  private final FloatMatrix batch;
  private final FloatMatrix reconstruction;
  private final List<Lane> lanes = new ArrayList<>();
  private int filled;
  private int done;

  /** One dictionary at work. */
  private static final class Lane {
    final Dictionary dictionary;
    final EncodingKernel kernel;
    final SparseCodes codes;
    final CodesByFeature.Builder turned;
    final DictionaryStatistics statistics;
    final float[] columnScale;
    final float[] inputSum;

    Lane(Dictionary dictionary, EncodingKernel kernel, int replicates) {
      this.dictionary = dictionary;
      this.kernel = kernel;
      codes = new SparseCodes(dictionary.width());
      turned = new CodesByFeature.Builder(dictionary.width());
      statistics = new DictionaryStatistics(dictionary.inputs(), replicates);
      columnScale = dictionary.columnScale();
      inputSum = new float[dictionary.inputs()];
    }
  }

  /** What became of a block with one dictionary. */
  public record Encoded(CodesByFeature codes, DictionaryStatistics statistics) {}

  /**
   * Makes kernels.
   *
   * @param dictionaries of one source
   * @param weights of the rows' bootstrap, {@link Bootstrap#weights}
   */
  public BlockEncoder(
      KernelProvider provider,
      List<Dictionary> dictionaries,
      int batchRows,
      byte[] weights,
      int replicates) {
    this.batchRows = batchRows;
    this.inputs = dictionaries.get(0).inputs();
    this.weights = weights;
    this.replicates = replicates;
    batch = FloatMatrix.zeros(batchRows, inputs);
    reconstruction = FloatMatrix.zeros(batchRows, inputs);
    for (Dictionary dictionary : dictionaries) {
      lanes.add(new Lane(dictionary, provider.encoding(dictionary, batchRows), replicates));
    }
  }

  /** Bytes in memory besides the kernels: batches and the codes of one dictionary. */
  public static long memory(int inputs, int width, int batchRows, long codes) {
    return 8L * batchRows * inputs + CodesByFeature.Builder.memory(width, codes);
  }

  /** The rows of a block, in the order of the dictionaries. */
  public List<Encoded> encode(ShardedDataset dataset, RowBlock block, String site, long checkpoint)
      throws IOException {
    for (RowBlock.Run run : block.runs()) {
      try (VectorReader reader = dataset.vectors(site, checkpoint, run.shard())) {
        reader.skip(run.first());
        for (int left = run.count(); left > 0; ) {
          int read = reader.read(batch, filled, Math.min(left, batchRows - filled));
          if (read == 0) {
            throw Failure.data(
                "dataset %s: the vectors of site %s, checkpoint %d, shard %d end %d rows before their tokens",
                dataset.folder(), site, checkpoint, run.shard(), left);
          }
          left -= read;
          filled += read;
          if (filled == batchRows) {
            flush();
          }
        }
      }
    }
    flush();
    done = 0;
    List<Encoded> encoded = new ArrayList<>();
    for (Lane lane : lanes) {
      encoded.add(new Encoded(lane.turned.build(), lane.statistics));
    }
    return encoded;
  }

  private void flush() {
    if (filled == 0) {
      return;
    }
    FloatMatrix rows = batch.firstRows(filled);
    for (Lane lane : lanes) {
      lane.kernel.encode(rows, lane.codes);
      lane.kernel.decode(lane.codes, reconstruction.firstRows(filled));
      lane.turned.add(lane.codes);
      for (int row = 0; row < filled; row++) {
        judge(lane, row);
      }
    }
    done += filled;
    filled = 0;
  }

  /** Error, norms and cosine of a row. */
  private void judge(Lane lane, int row) {
    float[] mean = lane.dictionary.inputMean();
    float[] scale = lane.columnScale;
    float[] x = batch.values();
    float[] y = reconstruction.values();
    int at = row * inputs;
    double error = 0;
    double square = 0;
    double dot = 0;
    double normX = 0;
    double normY = 0;
    for (int i = 0; i < inputs; i++) {
      double input = x[at + i];
      double output = y[at + i];
      double difference = (input - output) * scale[i];
      double centred = (input - mean[i]) * scale[i];
      error += difference * difference;
      square += centred * centred;
      dot += input * output;
      normX += input * input;
      normY += output * output;
    }
    float[] sum = lane.inputSum;
    for (int i = 0; i < inputs; i++) {
      sum[i] = (x[at + i] - mean[i]) * scale[i];
    }
    lane.statistics.addInput(sum);
    int from = lane.codes.starts()[row];
    int to = lane.codes.starts()[row + 1];
    double activation = 0;
    for (int i = from; i < to; i++) {
      activation += lane.codes.values()[i];
    }
    boolean zero = normX == 0;
    lane.statistics.add(
        error,
        square,
        to - from,
        activation,
        zero ? Double.NaN : normY == 0 ? 0 : dot / Math.sqrt(normX * normY),
        zero ? 0 : Math.sqrt(normY / normX),
        weights,
        (done + row) * replicates);
  }

  @Override
  public void close() {
    lanes.forEach(lane -> lane.kernel.close());
  }
}
