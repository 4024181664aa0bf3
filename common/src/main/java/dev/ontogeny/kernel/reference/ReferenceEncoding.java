package dev.ontogeny.kernel.reference;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.type.Activation;

/** Encoding and decoding, one row and one latent at a time. */
final class ReferenceEncoding implements EncodingKernel {
  private final Dictionary dictionary;
  private final float[] columnScale;
  private final float[] firingThreshold;

  ReferenceEncoding(Dictionary dictionary) {
    this.dictionary = dictionary;
    this.columnScale = dictionary.columnScale();
    this.firingThreshold = dictionary.firingThreshold();
  }

  @Override
  public void encode(FloatMatrix batch, SparseCodes into) {
    int read = dictionary.readColumns();
    int width = dictionary.width();
    into.reset(batch.rows(), 0);
    double[] centred = new double[read];
    float[] pre = new float[width];
    for (int row = 0; row < batch.rows(); row++) {
      for (int i = 0; i < read; i++) {
        double scaled = ((double) batch.at(row, i) - dictionary.inputMean()[i]) * columnScale[i];
        centred[i] = scaled - dictionary.decoderBias()[i];
      }
      for (int latent = 0; latent < width; latent++) {
        double sum = dictionary.encoderBias()[latent];
        for (int i = 0; i < read; i++) {
          sum += centred[i] * dictionary.encoder().at(i, latent);
        }
        pre[latent] = (float) sum;
      }
      boolean[] chosen = chosen(pre);
      int at = into.starts()[row];
      into.ensure(at + width);
      for (int latent = 0; latent < width; latent++) {
        if (chosen[latent]) {
          into.indices()[at] = latent;
          into.values()[at++] = pre[latent];
        }
      }
      into.starts()[row + 1] = at;
    }
  }

  private boolean[] chosen(float[] pre) {
    if (dictionary.type().activation() == Activation.LARGEST_OF_ROW) {
      return ReferenceSelection.largest(pre, dictionary.k(), latent -> true);
    }
    boolean[] chosen = new boolean[pre.length];
    for (int latent = 0; latent < pre.length; latent++) {
      chosen[latent] = pre[latent] > firingThreshold[latent];
    }
    return chosen;
  }

  @Override
  public void decode(SparseCodes codes, FloatMatrix into) {
    int first = 0;
    for (int s = 0; s < dictionary.sources().size(); s++) {
      float[] bars = dictionary.sourceThreshold(s);
      int end = first + dictionary.sources().get(s).width();
      for (int row = 0; row < codes.rows(); row++) {
        for (int i = first; i < end; i++) {
          double sum = dictionary.decoderBias()[i];
          for (int at = codes.starts()[row]; at < codes.starts()[row + 1]; at++) {
            int latent = codes.indices()[at];
            float code = codes.values()[at];
            if (bars == null || code > bars[latent]) {
              sum += (double) code * dictionary.decoder().at(latent, i);
            }
          }
          into.values()[row * into.columns() + i] =
              (float) (sum / columnScale[i] + dictionary.inputMean()[i]);
        }
      }
      first = end;
    }
  }

  @Override
  public void close() {}
}
