package dev.ontogeny.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The gradients against SameDiff's, which knows the forward pass only. */
final class AutodiffTest {
  private static final int ROWS = 17;
  private static final int INPUTS = 9;
  private static final int WIDTH = 31;
  private static final int K = 4;

  @Test
  void gradientsEqualThoseOfAutomaticDifferentiation() {
    Dictionary dictionary = KernelFixture.dictionary(INPUTS, WIDTH, K, 51);
    FloatMatrix batch = KernelFixture.batch(ROWS, INPUTS, 52);
    SparseCodes codes = new SparseCodes(WIDTH);
    new ReferenceEncoding(dictionary).encode(batch, codes);
    double[][] mask = new double[ROWS][WIDTH];
    for (int row = 0; row < ROWS; row++) {
      for (int at = codes.starts()[row]; at < codes.starts()[row + 1]; at++) {
        mask[row][codes.indices()[at]] = 1;
      }
    }
    INDArray scaled = matrix(batch.values(), ROWS, INPUTS);
    scaled.subiRowVector(matrix(dictionary.inputMean(), 1, INPUTS));
    scaled.muliRowVector(matrix(dictionary.columnScale(), 1, INPUTS));
    INDArray deviation = scaled.subRowVector(scaled.mean(true, 0));
    double variance = deviation.mul(deviation).sumNumber().doubleValue();

    SameDiff graph = SameDiff.create();
    SDVariable encoder = graph.var("W_enc", matrix(dictionary.encoder().values(), INPUTS, WIDTH));
    SDVariable encoderBias = graph.var("b_enc", matrix(dictionary.encoderBias(), 1, WIDTH));
    SDVariable decoder = graph.var("W_dec", matrix(dictionary.decoder().values(), WIDTH, INPUTS));
    SDVariable decoderBias = graph.var("b_dec", matrix(dictionary.decoderBias(), 1, INPUTS));
    SDVariable rows = graph.constant("x", scaled);
    SDVariable selected = graph.constant("selected", Nd4j.createFromArray(mask));
    SDVariable code = rows.sub(decoderBias).mmul(encoder).add(encoderBias).mul(selected);
    SDVariable residual = rows.sub(code.mmul(decoder).add(decoderBias));
    SDVariable loss = residual.mul(residual).sum().div(variance);
    loss.markAsLoss();
    Map<String, INDArray> expected =
        graph.calculateGradients(Map.of(), "W_enc", "b_enc", "W_dec", "b_dec");

    ReferenceTraining kernel =
        new ReferenceTraining(
            new TopKTraining(WIDTH, K, 0, 0, 100, 0.9, 0.999, 1e-8, 0), dictionary);
    StepLosses losses = kernel.gradients(batch);
    assertThat(losses.loss()).isCloseTo(loss.eval().getDouble(0), within(1e-6));
    kernel
        .lastGradients()
        .forEach(
            (name, gradient) ->
                assertThat(gradient)
                    .as(name)
                    .containsExactly(expected.get(name).dup('c').data().asDouble(), within(2e-6)));
  }

  private static INDArray matrix(float[] values, int rows, int columns) {
    double[] doubles = new double[rows * columns];
    for (int i = 0; i < doubles.length; i++) {
      doubles[i] = values[i];
    }
    return Nd4j.create(doubles, new long[] {rows, columns}, DataType.DOUBLE);
  }
}
