package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.type.Activation;
import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Encoding and decoding by ND4J. */
final class Nd4jEncoding implements EncodingKernel {
  private final int inputs;

  /** Of these, those that are read: the first ones. */
  private final int read;

  private final int width;

  /** Latents of a row where k decides; 0 for all above their threshold. */
  private final int k;

  private final INDArray threshold;
  private final INDArray mean;
  private final INDArray scale;

  // The same two and b_dec for the columns that are read.
  private final INDArray readMean;
  private final INDArray readScale;
  private final INDArray readBias;
  private final INDArray encoder;
  private final INDArray encoderBias;
  private final INDArray decoder;
  private final INDArray decoderBias;
  private INDArray values;
  private INDArray mask;

  Nd4jEncoding(Dictionary dictionary) {
    if (dictionary.type().activation().bySource()) {
      throw Failure.settings(
          "kernel nd4j lacks gates by source, which type %s has: take kernel cpu",
          dictionary.type().key());
    }
    this.inputs = dictionary.inputs();
    this.read = dictionary.readColumns();
    this.width = dictionary.width();
    this.k = dictionary.type().activation() == Activation.LARGEST_OF_ROW ? dictionary.k() : 0;
    this.threshold =
        DeviceMatrix.row(
            dictionary.threshold().length > 0 ? dictionary.threshold() : new float[width]);
    this.mean = DeviceMatrix.row(dictionary.inputMean());
    this.scale = DeviceMatrix.row(dictionary.columnScale());
    this.readMean = DeviceMatrix.row(Arrays.copyOf(dictionary.inputMean(), read));
    this.readScale = DeviceMatrix.row(Arrays.copyOf(dictionary.columnScale(), read));
    this.readBias = DeviceMatrix.row(Arrays.copyOf(dictionary.decoderBias(), read));
    this.encoder = DeviceMatrix.of(dictionary.encoder().firstRows(read));
    this.encoderBias = DeviceMatrix.row(dictionary.encoderBias());
    this.decoder = DeviceMatrix.of(dictionary.decoder());
    this.decoderBias = DeviceMatrix.row(dictionary.decoderBias());
  }

  private void allocate(int rows) {
    if (values == null || values.rows() != rows) {
      release();
      values = DeviceMatrix.allocate(rows, width);
      mask = DeviceMatrix.allocate(rows, width);
    }
  }

  @Override
  public void encode(FloatMatrix batch, SparseCodes into) {
    int rows = batch.rows();
    into.reset(rows, 0);
    if (rows == 0) {
      return;
    }
    allocate(rows);
    float[] codes;
    try (INDArray centred = DeviceMatrix.of(batch.columns(0, read))) {
      centred.subiRowVector(readMean).muliRowVector(readScale).subiRowVector(readBias);
      Nd4j.gemm(centred, encoder, values, false, false, 1, 0);
      values.addiRowVector(encoderBias);
      if (k > 0) {
        Nd4jSelection.select(values, k, mask);
      } else {
        DeviceMatrix.step(mask.assign(values).subiRowVector(threshold));
      }
      codes = DeviceMatrix.values(values.muli(mask));
    }
    int at = 0;
    for (int row = 0; row < rows; row++) {
      into.ensure(at + width);
      for (int latent = 0; latent < width; latent++) {
        float value = codes[row * width + latent];
        if (value != 0) {
          into.indices()[at] = latent;
          into.values()[at++] = value;
        }
      }
      into.starts()[row + 1] = at;
    }
  }

  @Override
  public void decode(SparseCodes codes, FloatMatrix into) {
    int rows = codes.rows();
    if (rows == 0) {
      return;
    }
    FloatMatrix dense = FloatMatrix.zeros(rows, width);
    for (int row = 0; row < rows; row++) {
      for (int at = codes.starts()[row]; at < codes.starts()[row + 1]; at++) {
        dense.values()[row * width + codes.indices()[at]] = codes.values()[at];
      }
    }
    try (INDArray code = DeviceMatrix.of(dense);
        INDArray decoded = DeviceMatrix.allocate(rows, inputs)) {
      Nd4j.gemm(code, decoder, decoded, false, false, 1, 0);
      decoded.addiRowVector(decoderBias).diviRowVector(scale).addiRowVector(mean);
      System.arraycopy(DeviceMatrix.values(decoded), 0, into.values(), 0, rows * inputs);
    }
  }

  private void release() {
    if (values != null) {
      values.close();
      mask.close();
      values = null;
    }
  }

  @Override
  public void close() {
    release();
    for (INDArray array :
        new INDArray[] {
          threshold,
          mean,
          scale,
          readMean,
          readScale,
          readBias,
          encoder,
          encoderBias,
          decoder,
          decoderBias
        }) {
      array.close();
    }
  }
}
