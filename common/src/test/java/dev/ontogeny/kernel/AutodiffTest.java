package dev.ontogeny.kernel;

import static dev.ontogeny.kernel.KernelFixture.FULL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.Sparsity.JumpRelu;
import dev.ontogeny.kernel.Sparsity.Penalty;
import dev.ontogeny.kernel.Sparsity.Relu;
import dev.ontogeny.kernel.Sparsity.TopK;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
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

  static Stream<Arguments> kinds() {
    return Stream.concat(
        KernelFixture.sparsities(K, WIDTH).stream().map(each -> Arguments.of(each, 1)),
        KernelFixture.crosscoders(K).stream().map(each -> Arguments.of(each, 2)));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void gradientsEqualThoseOfAutomaticDifferentiation(Sparsity sparsity, int sources) {
    Dictionary dictionary = KernelFixture.dictionary(sparsity, INPUTS, WIDTH, sources, 51);
    FloatMatrix batch = KernelFixture.batch(ROWS, INPUTS, 52);
    ReferenceTraining kernel =
        new ReferenceTraining(KernelFixture.specification(sparsity, WIDTH, 0, 0, 100), dictionary);
    StepLosses losses = kernel.gradients(batch, FULL);

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
    List<String> names = new ArrayList<>(List.of("W_enc", "b_enc", "W_dec", "b_dec"));
    SDVariable rows = graph.constant("x", scaled);
    SDVariable pre = rows.sub(decoderBias).mmul(encoder).add(encoderBias);
    SDVariable fires = graph.constant("fires", fires(kernel.lastCodes()));
    SDVariable code = pre.mul(fires);
    if (sparsity instanceof JumpRelu jump) {
      // A variable that is zero and has the slope of the rectangle.
      INDArray logarithms = Nd4j.create(DataType.DOUBLE, 1, WIDTH);
      for (int latent = 0; latent < WIDTH; latent++) {
        logarithms.putScalar(0, latent, (float) Math.log(dictionary.threshold()[latent]));
      }
      SDVariable shift =
          graph.var("log_threshold", logarithms).sub(graph.constant(logarithms.dup()));
      names.add("log_threshold");
      INDArray window = window(jump, dictionary.threshold(), kernel.lastPreActivations());
      INDArray theta = matrix(dictionary.threshold(), 1, WIDTH);
      SDVariable ofFiring =
          shift.mul(graph.constant(window.mulRowVector(theta).divi(-jump.bandwidth())));
      SDVariable ofCode =
          shift.mul(
              graph.constant(
                  window.mulRowVector(theta).muliRowVector(theta).divi(-jump.bandwidth())));
      code = code.add(ofCode);
      fires = fires.add(ofFiring);
    }
    SDVariable residual = rows.sub(code.mmul(decoder).add(decoderBias));
    SDVariable loss = residual.mul(residual).sum().div(variance);
    SDVariable norms = norms(graph, dictionary, decoder);
    if (sparsity instanceof TopK top && top.multiK() > 0) {
      float[][] more = new float[ROWS][];
      for (int row = 0; row < ROWS; row++) {
        float[] values = kernel.lastPreActivations()[row].clone();
        boolean[] chosen = ReferenceSelection.largest(values, top.multiK(), latent -> true);
        for (int latent = 0; latent < WIDTH; latent++) {
          values[latent] = chosen[latent] ? values[latent] : 0;
        }
        more[row] = values;
      }
      SDVariable left =
          rows.sub(pre.mul(graph.constant("more", fires(more))).mmul(decoder).add(decoderBias));
      loss = loss.add(left.mul(left).sum().mul(top.multiWeight() / variance));
    } else if (sparsity instanceof Relu relu) {
      SDVariable paid = relu.form() == Sparsity.Form.UNIT_NORM ? code : code.mul(norms);
      loss = loss.add(paid.sum().mul(relu.coefficient() / variance));
    } else if (sparsity instanceof JumpRelu jump) {
      loss = loss.add(penalty(graph, jump, code, fires, norms, variance));
    }
    loss.markAsLoss();
    Map<String, INDArray> expected =
        graph.calculateGradients(Map.of(), names.toArray(new String[0]));

    assertThat(losses.loss()).isCloseTo(loss.eval().getDouble(0), within(1e-6));
    assertThat(kernel.lastGradients().keySet()).containsExactlyInAnyOrderElementsOf(names);
    kernel
        .lastGradients()
        .forEach(
            (name, gradient) ->
                assertThat(gradient)
                    .as(name)
                    .containsExactly(expected.get(name).dup('c').data().asDouble(), within(3e-6)));
  }

  private static SDVariable penalty(
      SameDiff graph,
      JumpRelu jump,
      SDVariable code,
      SDVariable fires,
      SDVariable norms,
      double variance) {
    if (jump.penalty() == Penalty.STEP) {
      return fires.sum().mul(jump.coefficient() / variance);
    } else if (jump.penalty() == Penalty.TARGET_L0) {
      SDVariable excess = fires.sum().div(ROWS * jump.target()).sub(1);
      return excess.mul(excess).mul(jump.coefficient());
    }
    SDVariable tanh = graph.math().tanh(code.mul(norms).mul(jump.slope()));
    if (jump.penalty() == Penalty.TANH) {
      return tanh.sum().mul(jump.coefficient() / variance);
    }
    SDVariable mean = tanh.mean(0);
    return mean.mul(mean.div(jump.square()).add(1)).sum().mul(jump.coefficient() * ROWS / variance);
  }

  /** Norms of the decoder's rows summed over sources, [1, F]. */
  private static SDVariable norms(SameDiff graph, Dictionary dictionary, SDVariable decoder) {
    SDVariable sum = null;
    int at = 0;
    for (Source source : dictionary.sources()) {
      INDArray columns = Nd4j.zeros(DataType.DOUBLE, 1, INPUTS);
      for (int i = at; i < at + source.width(); i++) {
        columns.putScalar(0, i, 1);
      }
      at += source.width();
      SDVariable part = decoder.mul(graph.constant(columns));
      SDVariable norm = graph.math().sqrt(part.mul(part).sum(1)).reshape(1, WIDTH);
      sum = sum == null ? norm : sum.add(norm);
    }
    return sum;
  }

  private static INDArray fires(float[][] codes) {
    double[][] fires = new double[ROWS][WIDTH];
    for (int row = 0; row < ROWS; row++) {
      for (int latent = 0; latent < WIDTH; latent++) {
        fires[row][latent] = codes[row][latent] == 0 ? 0 : 1;
      }
    }
    return Nd4j.createFromArray(fires);
  }

  private static INDArray window(JumpRelu jump, float[] thresholds, float[][] pre) {
    double[][] window = new double[ROWS][WIDTH];
    for (int row = 0; row < ROWS; row++) {
      for (int latent = 0; latent < WIDTH; latent++) {
        double distance = Math.abs(pre[row][latent] - thresholds[latent]);
        window[row][latent] = pre[row][latent] > 0 && distance < jump.bandwidth() / 2 ? 1 : 0;
      }
    }
    return Nd4j.createFromArray(window);
  }

  private static INDArray matrix(float[] values, int rows, int columns) {
    double[] doubles = new double[rows * columns];
    for (int i = 0; i < doubles.length; i++) {
      doubles[i] = values[i];
    }
    return Nd4j.create(doubles, new long[] {rows, columns}, DataType.DOUBLE);
  }
}
