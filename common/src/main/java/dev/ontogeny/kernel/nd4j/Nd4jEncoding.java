package dev.ontogeny.kernel.nd4j;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.type.Activation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
  private final float[] inputMean;
  private final float[] columnScale;
  private final float[] bias;

  // The same for the columns that are read.
  private final INDArray readMean;
  private final INDArray readScale;
  private final INDArray readBias;
  private final INDArray encoder;
  private final INDArray encoderBias;
  private final List<Part> parts = new ArrayList<>();
  private INDArray values;
  private INDArray mask;

  /**
   * Columns that one decoder gives, from the codes above bars of its own.
   *
   * @param bars [1, F]; null where all codes count
   */
  private record Part(int from, INDArray decoder, INDArray bars) {}

  Nd4jEncoding(Dictionary dictionary) {
    this.inputs = dictionary.inputs();
    this.read = dictionary.readColumns();
    this.width = dictionary.width();
    this.k = dictionary.type().activation() == Activation.LARGEST_OF_ROW ? dictionary.k() : 0;
    this.threshold = DeviceMatrix.row(dictionary.firingThreshold());
    this.inputMean = dictionary.inputMean();
    this.columnScale = dictionary.columnScale();
    this.bias = dictionary.decoderBias();
    this.readMean = DeviceMatrix.row(Arrays.copyOf(dictionary.inputMean(), read));
    this.readScale = DeviceMatrix.row(Arrays.copyOf(dictionary.columnScale(), read));
    this.readBias = DeviceMatrix.row(Arrays.copyOf(dictionary.decoderBias(), read));
    this.encoder = DeviceMatrix.of(dictionary.encoder().firstRows(read));
    this.encoderBias = DeviceMatrix.row(dictionary.encoderBias());
    if (dictionary.type().activation().bySource()) {
      int[] columns = dictionary.sourceColumns();
      for (int s = 0; s < dictionary.sources().size(); s++) {
        parts.add(
            new Part(
                columns[s],
                DeviceMatrix.of(dictionary.decoderOf(s)),
                DeviceMatrix.row(dictionary.sourceThreshold(s))));
      }
    } else {
      parts.add(new Part(0, DeviceMatrix.of(dictionary.decoder()), null));
    }
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
    float[] all = new float[rows * inputs];
    try (INDArray code = DeviceMatrix.of(dense)) {
      for (Part part : parts) {
        decode(part, code, all);
      }
    }
    System.arraycopy(all, 0, into.values(), 0, all.length);
  }

  private void decode(Part part, INDArray code, float[] into) {
    int rows = code.rows();
    int columns = part.decoder.columns();
    INDArray counted = code;
    if (part.bars != null) {
      counted = code.subRowVector(part.bars);
      DeviceMatrix.step(counted).muli(code);
    }
    try (INDArray decoded = DeviceMatrix.allocate(rows, columns)) {
      Nd4j.gemm(counted, part.decoder, decoded, false, false, 1, 0);
      float[] values = DeviceMatrix.values(decoded);
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < columns; i++) {
          int column = part.from + i;
          into[row * inputs + column] =
              (values[row * columns + i] + bias[column]) / columnScale[column] + inputMean[column];
        }
      }
    }
    if (counted != code) {
      counted.close();
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
        new INDArray[] {threshold, readMean, readScale, readBias, encoder, encoderBias}) {
      array.close();
    }
    for (Part part : parts) {
      part.decoder.close();
      if (part.bars != null) {
        part.bars.close();
      }
    }
  }
}
