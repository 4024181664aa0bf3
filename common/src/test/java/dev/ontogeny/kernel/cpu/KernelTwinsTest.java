package dev.ontogeny.kernel.cpu;

import static dev.ontogeny.kernel.KernelFixture.FULL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.kernel.nd4j.Nd4jProvider;
import dev.ontogeny.kernel.nd4j.Nd4jTraining;
import dev.ontogeny.kernel.reference.ReferenceProvider;
import dev.ontogeny.kernel.reference.ReferenceTraining;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.Penalty;
import dev.ontogeny.type.PrefixTopK;
import dev.ontogeny.type.Reconstruction;
import dev.ontogeny.type.Relu;
import dev.ontogeny.type.Selection;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every fast kernel against the slow one, at sizes that fit no block, lane or panel. */
final class KernelTwinsTest {
  /** Rows, inputs, width, k. */
  private static final int[][] SHAPES = {
    {2, 1, 1, 1},
    {3, 5, 13, 2},
    {13, 7, 207, 4},
    {130, 13, 702, 8},
    {37, 64, 513, 40},
    {64, 33, 1100, 1}
  };

  static Stream<Arguments> providersAndShapes() {
    List<Arguments> all = new ArrayList<>();
    for (int[] shape : SHAPES) {
      for (TypeSettings type : KernelFixture.sparsities(shape[3], shape[2])) {
        for (KernelProvider provider : providers()) {
          if (trains(provider, type)) {
            all.add(Arguments.of(provider.name(), provider, type, shape, 1));
          }
        }
      }
      for (TypeSettings type : KernelFixture.crosscoders(shape[3])) {
        if (shape[1] > 1) {
          KernelProvider provider = providers().get(0);
          all.add(Arguments.of(provider.name(), provider, type, shape, 2));
        }
      }
    }
    return all.stream();
  }

  private static boolean trains(KernelProvider provider, TypeSettings type) {
    return !(provider instanceof Nd4jProvider)
        || (type.selection() instanceof Selection.LargestOfRow
            && type.parts(20).size() == 2
            && type.reconstruction(20) instanceof Reconstruction.Whole);
  }

  private static List<KernelProvider> providers() {
    Workers one = new Workers(1);
    Workers three = new Workers(3);
    Loops simd = new SimdLoops();
    Loops scalar = new ScalarLoops();
    return List.of(
        new CpuProvider(new CpuMachine(simd, simd.name(), OneDnnProduct.factory(), null, three)),
        new CpuProvider(
            new CpuMachine(scalar, scalar.name(), OpenBlasProduct.factory(), null, one)),
        new CpuProvider(
            new CpuMachine(
                simd, simd.name(), JavaProduct.factory(simd), RoundingProduct.factory(simd), one)),
        new Nd4jProvider(1));
  }

  /** Short rows and long ones are summed up in different ways. */
  @ParameterizedTest
  @CsvSource({"1,3", "15,4", "130,7", "511,33", "512,0", "512,5", "1000,32", "1536,1"})
  void weightedSumsAgree(int columns, int count) {
    RandomGenerator random = Seeds.generator(6, columns, count);
    int stride = columns + 3;
    float[] matrix = KernelFixture.gaussians(random, 50 * stride, 1);
    float[] weights = KernelFixture.gaussians(random, count + 2, 1);
    int[] rows = random.ints(count + 2, 0, 50).toArray();
    for (boolean fresh : new boolean[] {true, false}) {
      float[] expected = KernelFixture.gaussians(Seeds.generator(7), columns + 2, 1);
      float[] found = expected.clone();
      new ScalarLoops()
          .weightedSum(matrix, stride, 2, columns, rows, weights, 1, count + 1, fresh, expected, 1);
      new SimdLoops()
          .weightedSum(matrix, stride, 2, columns, rows, weights, 1, count + 1, fresh, found, 1);
      assertThat(found).containsExactly(expected, within(1e-4f));
    }
  }

  /** In vectors, and beside the plainest way in double precision. */
  @ParameterizedTest
  @CsvSource({"1,0", "15,3", "16,0", "129,64", "512,7"})
  void comparisonsAgree(int columns, int first) {
    RandomGenerator random = Seeds.generator(8, columns, first);
    int at = 5;
    int end = first + columns;
    float[] x = KernelFixture.gaussians(random, at + end + 2, 1);
    float[] y = KernelFixture.gaussians(random, at + end + 2, 1);
    float[] mean = KernelFixture.gaussians(random, end, 1);
    float[] scale = KernelFixture.gaussians(random, end, 1);
    double[] expected = new double[Loops.COMPARED];
    for (int i = first; i < end; i++) {
      double residual = (x[at + i] - y[at + i]) * scale[i];
      double centred = (x[at + i] - mean[i]) * scale[i];
      expected[Loops.ERROR] += residual * residual;
      expected[Loops.SQUARE] += centred * centred;
      expected[Loops.PRODUCT] += (double) x[at + i] * y[at + i];
      expected[Loops.SQUARE_X] += (double) x[at + i] * x[at + i];
      expected[Loops.SQUARE_Y] += (double) y[at + i] * y[at + i];
    }
    for (Loops loops : new Loops[] {new ScalarLoops(), new SimdLoops()}) {
      float[] centred = new float[end + 1];
      float[] residual = new float[end + 1];
      float[] sums = KernelFixture.gaussians(random, Loops.COMPARED, 1);
      loops.compare(x, y, at, mean, scale, first, columns, centred, residual, sums);
      for (int i = 0; i <= end; i++) {
        boolean inside = i >= first && i < end;
        assertThat(centred[i]).isEqualTo(inside ? (x[at + i] - mean[i]) * scale[i] : 0);
        assertThat(residual[i]).isEqualTo(inside ? (x[at + i] - y[at + i]) * scale[i] : 0);
      }
      for (int s = 0; s < sums.length; s++) {
        double size = s == Loops.PRODUCT ? expected[Loops.SQUARE_X] : expected[s];
        assertThat((double) sums[s]).isCloseTo(expected[s], within(1e-5 * (1 + size)));
      }
    }
  }

  @Test
  void encodingsAgree() {
    for (int[] shape : SHAPES) {
      for (TypeSettings type : KernelFixture.sparsities(shape[3], shape[2])) {
        for (KernelProvider provider : providers()) {
          encodingsAgree(provider, type, shape, 1);
        }
      }
      for (TypeSettings type : KernelFixture.crosscoders(shape[3])) {
        for (KernelProvider provider : providers()) {
          if (shape[1] > 1
              && !(provider instanceof Nd4jProvider && type.type(2).activation().bySource())) {
            encodingsAgree(provider, type, shape, 2);
          }
        }
      }
    }
  }

  private static void encodingsAgree(
      KernelProvider provider, TypeSettings type, int[] shape, int sources) {
    Dictionary dictionary = KernelFixture.dictionary(type, shape[1], shape[2], sources, 11);
    FloatMatrix batch = KernelFixture.batch(shape[0], shape[1], 12);
    SparseCodes expected = new SparseCodes(shape[2]);
    SparseCodes actual = new SparseCodes(shape[2]);
    FloatMatrix expectedBack = FloatMatrix.zeros(shape[0], shape[1]);
    FloatMatrix actualBack = FloatMatrix.zeros(shape[0], shape[1]);
    try (EncodingKernel slow = new ReferenceProvider().encoding(dictionary, shape[0]);
        EncodingKernel fast = provider.encoding(dictionary, shape[0] + 3)) {
      slow.encode(batch, expected);
      fast.encode(batch, actual);
      slow.decode(expected, expectedBack);
      fast.decode(expected, actualBack);
    }
    double tolerance = 1e-5 * Math.sqrt(shape[1]) + 1e-5;
    assertThat(actual.rows()).isEqualTo(expected.rows());
    for (int row = 0; row < shape[0]; row++) {
      assertThat(actual.starts()[row + 1] - actual.starts()[row])
          .as("latents of row %d", row)
          .isEqualTo(expected.starts()[row + 1] - expected.starts()[row]);
      for (int at = actual.starts()[row]; at < actual.starts()[row + 1]; at++) {
        assertThat((double) actual.values()[at])
            .isCloseTo(expected.at(row, actual.indices()[at]), within(tolerance));
        assertThat(at == actual.starts()[row] || actual.indices()[at] > actual.indices()[at - 1])
            .isTrue();
      }
    }
    float largest = 1;
    for (float value : expectedBack.values()) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(actualBack.values()).containsExactly(expectedBack.values(), within(1e-5f * largest));
  }

  @ParameterizedTest(name = "{0} {2} {3} {4}")
  @MethodSource("providersAndShapes")
  void gradientsAgree(
      String name, KernelProvider provider, TypeSettings type, int[] shape, int sources) {
    compareGradients(provider, type, shape, sources, 0, Double.NaN);
  }

  /** Both ways of types that may be dense, whichever the batch would have had. */
  @ParameterizedTest(name = "{0} {2} {3} {4}")
  @MethodSource("providersAndShapes")
  void denseAndSparseGradientsAgree(
      String name, KernelProvider provider, TypeSettings type, int[] shape, int sources) {
    if (type.selection().k() == 0) {
      compareGradients(provider, type, shape, sources, 0, 0);
      compareGradients(provider, type, shape, sources, shape[2] / 3, 2);
    }
  }

  /** Every latent is dead from the start, so that the auxiliary loss does all it can. */
  @ParameterizedTest(name = "{0} {2} {3} {4}")
  @MethodSource("providersAndShapes")
  void auxiliaryGradientsAgree(
      String name, KernelProvider provider, TypeSettings type, int[] shape, int sources) {
    compareGradients(provider, type, shape, sources, Math.max(1, shape[2] / 3), Double.NaN);
  }

  /**
   * @param denseFrom active share from which batches are taken for dense; NaN for what was measured
   */
  private static void compareGradients(
      KernelProvider provider,
      TypeSettings type,
      int[] shape,
      int sources,
      int auxiliaryK,
      double denseFrom) {
    Dictionary initial = KernelFixture.dictionary(type, shape[1], shape[2], sources, 21);
    TrainingSpecification specification =
        KernelFixture.specification(type, shape[2], auxiliaryK, 0.5, 2)
            .withSourceWeights(sources == 1 ? List.of() : List.of(0.4, 1.6));
    FloatMatrix batch = KernelFixture.batch(shape[0], shape[1], 22);
    ReferenceTraining slow = new ReferenceTraining(specification, initial);
    try (TrainingKernel fast = provider.training(specification, initial, shape[0] + 5)) {
      if (!Double.isNaN(denseFrom)) {
        ((CpuTraining) fast).denseFrom(denseFrom);
      }
      // The first batch makes latents that do not fire dead for the second.
      FloatMatrix before = KernelFixture.batch(2, shape[1], 23);
      slow.gradients(before, FULL);
      gradients(fast, before);
      StepLosses expected = slow.gradients(batch, FULL);
      StepLosses actual = gradients(fast, batch);
      assertThat(actual.fvu()).isCloseTo(expected.fvu(), within(1e-5 * (1 + expected.fvu())));
      assertThat(actual.loss()).isCloseTo(expected.loss(), within(1e-5 * (1 + expected.loss())));
      assertThat(actual.l0()).isEqualTo(expected.l0());
      assertThat(actual.deadShare()).isEqualTo(expected.deadShare());
      assertThat(actual.auxiliary())
          .isCloseTo(expected.auxiliary(), within(1e-5 * (1 + expected.auxiliary())));
      if (auxiliaryK > 0 && shape[2] > 100 && type.selection().k() > 0) {
        assertThat(expected.auxiliary()).isPositive();
      }
      Map<String, double[]> reference = new LinkedHashMap<>(slow.lastGradients());
      if (specification.unitDecoder(initial)) {
        reference.computeIfPresent("W_dec", (tensor, values) -> projected(values, initial));
      }
      if (fast instanceof CpuTraining) {
        reference.computeIfPresent(
            "W_enc", (tensor, values) -> transposed(values, shape[1], shape[2]));
      }
      Map<String, float[]> gradients =
          fast instanceof CpuTraining cpu
              ? cpu.lastGradients()
              : ((Nd4jTraining) fast).lastGradients();
      assertThat(gradients.keySet()).isEqualTo(reference.keySet());
      gradients.forEach((tensor, values) -> assertClose(tensor, values, reference.get(tensor)));
    }
  }

  private static StepLosses gradients(TrainingKernel kernel, FloatMatrix batch) {
    return kernel instanceof CpuTraining cpu
        ? cpu.gradients(batch, FULL)
        : ((Nd4jTraining) kernel).gradients(batch, FULL);
  }

  private static double[] transposed(double[] matrix, int rows, int columns) {
    double[] result = new double[matrix.length];
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        result[c * rows + r] = matrix[r * columns + c];
      }
    }
    return result;
  }

  private static double[] projected(double[] gradient, Dictionary dictionary) {
    int inputs = dictionary.inputs();
    double[] result = gradient.clone();
    for (int latent = 0; latent < dictionary.width(); latent++) {
      double along = 0;
      for (int i = 0; i < inputs; i++) {
        along += gradient[latent * inputs + i] * dictionary.decoder().at(latent, i);
      }
      for (int i = 0; i < inputs; i++) {
        result[latent * inputs + i] -= along * dictionary.decoder().at(latent, i);
      }
    }
    return result;
  }

  private static void assertClose(String tensor, float[] actual, double[] expected) {
    double largest = 0;
    for (double value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) actual[i])
          .as("%s[%d]", tensor, i)
          .isCloseTo(expected[i], within(2e-4 * largest + 1e-7));
    }
  }

  /** With everything that a step can do besides. */
  @ParameterizedTest(name = "{0} {2} {3} {4}")
  @MethodSource("providersAndShapes")
  void stepsAgree(
      String name, KernelProvider provider, TypeSettings type, int[] shape, int sources) {
    Dictionary initial = KernelFixture.dictionary(type, shape[1], shape[2], sources, 31);
    double averageDecay = provider instanceof Nd4jProvider ? 0 : 0.5;
    TrainingSpecification specification =
        new TrainingSpecification(
            shape[2],
            type,
            shape[2] / 4,
            1.0 / 32,
            40,
            new Optimiser(0.9, 0.999, 1e-6, 0.05, 0.1, averageDecay));
    try (TrainingKernel slow = new ReferenceTraining(specification, initial);
        TrainingKernel fast = provider.training(specification, initial, shape[0])) {
      for (int step = 0; step < 5; step++) {
        FloatMatrix batch = KernelFixture.batch(shape[0], shape[1], 100 + step);
        StepSettings settings = new StepSettings(2e-3f, 0.2 + 0.2 * step, 1);
        StepLosses expected = slow.step(batch, settings);
        StepLosses actual = fast.step(batch, settings);
        assertThat(actual.loss())
            .as("loss of step %d", step)
            .isCloseTo(expected.loss(), within(1e-3 * (0.1 + expected.loss())));
      }
      float[] expected = slow.snapshot().threshold();
      assertThat(fast.snapshot().threshold()).containsExactly(expected, within(1e-3f));
      if (specification.unitDecoder(initial)) {
        Dictionary result = fast.snapshot();
        double squares = 0;
        for (int i = 0; i < result.inputs(); i++) {
          squares += Math.pow(result.decoder().at(0, i), 2);
        }
        assertThat(squares).isCloseTo(1, within(1e-5));
      }
    }
  }

  /** By hand: one latent that is longer at the first source, one that is not there at all. */
  @Test
  void gatedLatentsCountWhereTheyPass() {
    Dictionary dictionary =
        new Dictionary(
            JumpRelu.BY_SOURCE,
            List.of(new Source("site", 0, 1), new Source("site", 1, 1)),
            0,
            new FloatMatrix(2, 2, new float[] {1, 1, 1, 1}),
            new float[2],
            new FloatMatrix(2, 2, new float[] {-2, 0.5f, 1, 0}),
            new float[] {10, 20},
            new float[2],
            new float[] {1, 1},
            new float[] {1, 3});
    assertThat(dictionary.sourceThreshold(0)).containsExactly(0.5f, 3);
    assertThat(dictionary.sourceThreshold(1)).containsExactly(2, Float.POSITIVE_INFINITY);
    assertThat(dictionary.firingThreshold()).containsExactly(0.5f, 3);
    // Pre-activations are the sums less 30: 0.25, 1, 2.5, 4.
    FloatMatrix batch = new FloatMatrix(4, 2, new float[] {30.25f, 0, 31, 0, 2.5f, 30, 34, 0});
    for (KernelProvider provider :
        List.of(new ReferenceProvider(), Kernels.provider("cpu", 1), providers().get(2))) {
      SparseCodes codes = new SparseCodes(2);
      FloatMatrix back = FloatMatrix.zeros(4, 2);
      try (EncodingKernel kernel = provider.encoding(dictionary, 4)) {
        kernel.encode(batch, codes);
        kernel.decode(codes, back);
      }
      assertThat(codes.starts()).startsWith(0, 0, 1, 2, 4);
      assertThat(codes.at(1, 0)).isEqualTo(1);
      assertThat(codes.at(3, 1)).isEqualTo(4);
      assertThat(back.values())
          .as(provider.name())
          .containsExactly(10, 20, 8, 20, 5, 21.25f, 6, 22);
    }
    assertThatThrownBy(() -> new Nd4jProvider(1).encoding(dictionary, 4))
        .isInstanceOf(Failure.class)
        .hasMessage(
            "kernel nd4j lacks gates by source, which type jump-relu-per-source has: take kernel cpu");
  }

  @Test
  void aProviderNamesThePartThatItLacks() {
    Map<TypeSettings, String> lacking = new LinkedHashMap<>();
    lacking.put(new BatchTopK(3, 0, 0.9), "the k·n largest of a batch");
    lacking.put(new TopK(3, 0, 6, 0.1), "a further code (multi-k)");
    lacking.put(new Relu(0.8, Relu.Form.NORM_WEIGHTED, 0), "all positive pre-activations");
    lacking.put(new PrefixTopK(3), "reconstructions by prefixes of the code");
    lacking.forEach(
        (type, words) ->
            assertThatThrownBy(() -> training(new Nd4jProvider(1), type))
                .isInstanceOf(Failure.class)
                .hasMessage(
                    "kernel nd4j lacks %s, which a dictionary of type %s asks for: take kernel cpu",
                    words, type.type().key()));
    // A part of another jar is nobody's.
    TypeSettings strange =
        new PrefixTopK(3) {
          @Override
          public Reconstruction reconstruction(int width) {
            return () -> "a reconstruction by hearsay";
          }
        };
    for (KernelProvider provider :
        List.of(new CpuProvider(CpuMachine.detect(1)), new ReferenceProvider())) {
      assertThatThrownBy(() -> training(provider, strange))
          .isInstanceOf(Failure.class)
          .hasMessageEndingWith("lacks a reconstruction by hearsay");
    }
    TypeSettings senseless =
        new PrefixTopK(3) {
          @Override
          public Optional<Penalty> codePenalty() {
            return Optional.of(new Penalty.ActiveCount(1));
          }
        };
    assertThatThrownBy(() -> training(new CpuProvider(CpuMachine.detect(1)), senseless))
        .hasMessage(
            "kernel cpu lacks a penalty on the number of active latents where no thresholds are learnt");
  }

  private static void training(KernelProvider provider, TypeSettings type) {
    provider
        .training(
            KernelFixture.specification(type, 20, 0, 0, 10),
            KernelFixture.dictionary(type, 8, 20, 1, 1),
            10)
        .close();
  }
}
