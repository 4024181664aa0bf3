package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The weights of one source of a dictionary, d columns of its D: arrays of their own, so that no
 * operation works on a part of an array.
 */
final class DeviceSource {
  final int from;
  final int columns;

  /** What its squared residual weighs; 0 where it is not reconstructed. */
  final float weight;

  /** W_enc, [d, F]; null where the source is not read. */
  final DeviceParameter encoder;

  /** W_dec, [F, d]; null where the source is not reconstructed. */
  final DeviceParameter decoder;

  /** b_dec, [1, d]; without a gradient where the source is not reconstructed. */
  final DeviceParameter bias;

  private final INDArray mean;
  private final INDArray scale;

  /** Centred rows of the batch, [n, d]. */
  INDArray centred;

  /** Rows of the next batch, scaled and without b_dec, [n, d]; null before the first. */
  private INDArray ahead;

  /** [n, d]; null where the source is not reconstructed. */
  INDArray residual;

  DeviceSource(
      Dictionary initial, int from, int columns, boolean read, float weight, boolean averaged) {
    this.from = from;
    this.columns = columns;
    this.weight = weight;
    int width = initial.width();
    float[] rows =
        Arrays.copyOfRange(initial.encoder().values(), from * width, (from + columns) * width);
    encoder =
        read
            ? new DeviceParameter(DeviceMatrix.of(new FloatMatrix(columns, width, rows)), averaged)
            : null;
    decoder =
        from >= initial.inputs() - initial.reconstructedColumns()
            ? new DeviceParameter(
                DeviceMatrix.of(initial.decoder().columns(from, columns)), averaged)
            : null;
    bias = new DeviceParameter(DeviceMatrix.row(part(initial.decoderBias())), averaged);
    mean = DeviceMatrix.row(part(initial.inputMean()));
    scale = DeviceMatrix.row(part(initial.columnScale()));
  }

  private float[] part(float[] ofColumns) {
    return Arrays.copyOfRange(ofColumns, from, from + columns);
  }

  boolean read() {
    return encoder != null;
  }

  boolean reconstructed() {
    return decoder != null;
  }

  void allocate(int rows) {
    release();
    centred = DeviceMatrix.allocate(rows, columns);
    residual = reconstructed() ? DeviceMatrix.allocate(rows, columns) : null;
  }

  /** Centres and scales its columns of a batch. */
  void load(FloatMatrix batch) {
    DeviceMatrix.assign(centred, batch.columns(from, columns));
    centred.subiRowVector(mean).muliRowVector(scale).subiRowVector(bias.values);
  }

  /** Room for a next batch of so many rows. */
  void allocateAhead(int rows) {
    if (ahead == null) {
      ahead = DeviceMatrix.allocate(rows, columns);
    }
  }

  /** Scales its columns of the next batch, of as many rows; b_dec is not known yet. */
  void loadAhead(FloatMatrix next) {
    DeviceMatrix.assign(ahead, next.columns(from, columns));
    ahead.subiRowVector(mean).muliRowVector(scale);
  }

  /** What was loaded ahead is the batch. */
  void takeAhead() {
    INDArray last = centred;
    centred = ahead;
    ahead = last;
    centred.subiRowVector(bias.values);
  }

  /** ‖d^s‖ of every latent, [F, 1]. */
  INDArray norms() {
    return decoder.values.norm2(true, 1);
  }

  /**
   * Σ‖x̃ − mean(x̃)‖² over the batch, weighed.
   *
   * @param rows of the batch
   */
  double variance(int rows) {
    double ofMean = centred.sum(0).norm2Number().doubleValue();
    return weight * (DeviceMatrix.squares(centred) - ofMean * ofMean / rows);
  }

  /** Takes code · W_dec from an array of the residual's shape. */
  void subtractDecoded(INDArray code, INDArray from) {
    Nd4j.gemm(code, decoder.values, from, false, false, -1, 1);
  }

  private void release() {
    if (centred != null) {
      centred.close();
    }
    if (residual != null) {
      residual.close();
    }
    if (ahead != null) {
      ahead.close();
      ahead = null;
    }
  }

  void close() {
    release();
    if (encoder != null) {
      encoder.close();
    }
    if (decoder != null) {
      decoder.close();
    }
    bias.close();
    mean.close();
    scale.close();
  }
}
