package dev.ontogeny.kernel.cpu;

import static dev.ontogeny.kernel.KernelFixture.FULL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelFixture.Kind;
import dev.ontogeny.kernel.KernelFixture.Sources;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.kernel.cuda.CudaOnCpu;
import dev.ontogeny.kernel.cuda.CudaProvider;
import dev.ontogeny.kernel.cuda.CudaTraining;
import dev.ontogeny.kernel.nd4j.Nd4jProvider;
import dev.ontogeny.kernel.nd4j.Nd4jTraining;
import dev.ontogeny.kernel.reference.ReferenceProvider;
import dev.ontogeny.kernel.reference.ReferenceTraining;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.Penalty;
import dev.ontogeny.type.PrefixTopK;
import dev.ontogeny.type.Reconstruction;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import dev.ontogeny.type.TypeSettings;
import java.util.ArrayList;
import java.util.Arrays;
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

  static Stream<Arguments> kindsAndShapes() {
    List<Arguments> all = new ArrayList<>();
    for (int[] shape : SHAPES) {
      for (Kind kind : KernelFixture.kinds(shape[3], shape[1], shape[2])) {
        all.add(Arguments.of(kind.type(), shape, kind.sources()));
      }
    }
    return all.stream();
  }

  static Stream<Arguments> thoseThatMayBeDense() {
    return kindsAndShapes().filter(each -> ((TypeSettings) each.get()[0]).selection().k() == 0);
  }

  /** All that train this kind; the slow twin, which they share, takes most of the time. */
  private static List<KernelProvider> providers(Sources sources) {
    List<KernelProvider> all = providers();
    // One of cpu is enough where several sources share the code.
    return sources == Sources.TWO
        ? all.stream().filter(each -> !(each instanceof CpuProvider) || each == all.get(0)).toList()
        : all;
  }

  private static List<KernelProvider> providers() {
    Workers one = new Workers(1);
    Workers three = new Workers(3);
    Loops simd = new SimdLoops();
    Loops scalar = new ScalarLoops();
    List<KernelProvider> all = new ArrayList<>();
    all.addAll(
        List.of(
            new CpuProvider(
                new CpuMachine(simd, simd.name(), OneDnnProduct.factory(), null, three)),
            new CpuProvider(
                new CpuMachine(scalar, scalar.name(), OpenBlasProduct.factory(), null, one)),
            new CpuProvider(
                new CpuMachine(
                    simd,
                    simd.name(),
                    JavaProduct.factory(simd),
                    RoundingProduct.factory(simd),
                    one)),
            new Nd4jProvider(1)));
    CudaOnCpu.provider().ifPresent(all::add);
    return all;
  }

  private static List<KernelProvider> providers(Sources sources, int[] shape) {
    return providers(sources).stream().filter(each -> affords(each, shape)).toList();
  }

  /** A processor that plays a GPU takes seconds for each step of the largest shapes. */
  private static boolean affords(KernelProvider provider, int[] shape) {
    return !(provider instanceof CudaProvider) || CudaOnCpu.real() || shape[0] * shape[2] <= 20_000;
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
      for (Kind kind : KernelFixture.kinds(shape[3], shape[1], shape[2])) {
        encodingsAgree(kind.type(), shape, kind.sources());
      }
    }
  }

  private static void encodingsAgree(TypeSettings type, int[] shape, Sources sources) {
    Dictionary dictionary = KernelFixture.dictionary(type, shape[1], shape[2], sources, 11);
    FloatMatrix batch = KernelFixture.batch(shape[0], shape[1], 12);
    SparseCodes expected = new SparseCodes(shape[2]);
    FloatMatrix expectedBack = FloatMatrix.zeros(shape[0], shape[1]);
    try (EncodingKernel slow = new ReferenceProvider().encoding(dictionary, shape[0])) {
      slow.encode(batch, expected);
      slow.decode(expected, expectedBack);
    }
    float largest = 1;
    for (float value : expectedBack.values()) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (KernelProvider provider : providers()) {
      if (!affords(provider, shape)) {
        continue;
      }
      SparseCodes actual = new SparseCodes(shape[2]);
      FloatMatrix actualBack = FloatMatrix.zeros(shape[0], shape[1]);
      try (EncodingKernel fast = provider.encoding(dictionary, shape[0] + 3)) {
        fast.encode(batch, actual);
        fast.decode(expected, actualBack);
      }
      compareCodes(provider.name(), actual, expected, 1e-5 * Math.sqrt(shape[1]) + 1e-5);
      assertThat(actualBack.values())
          .as(provider.name())
          .containsExactly(expectedBack.values(), within(1e-5f * largest));
    }
  }

  private static void compareCodes(
      String name, SparseCodes actual, SparseCodes expected, double tolerance) {
    assertThat(actual.rows()).as(name).isEqualTo(expected.rows());
    for (int row = 0; row < expected.rows(); row++) {
      assertThat(actual.starts()[row + 1] - actual.starts()[row])
          .as("%s: latents of row %d", name, row)
          .isEqualTo(expected.starts()[row + 1] - expected.starts()[row]);
      for (int at = actual.starts()[row]; at < actual.starts()[row + 1]; at++) {
        double value = expected.at(row, actual.indices()[at]);
        // Assertions by the million would take most of the time.
        if (!(Math.abs(actual.values()[at] - value) <= tolerance)
            || (at > actual.starts()[row] && actual.indices()[at] <= actual.indices()[at - 1])) {
          fail(
              "%s: row %d, latent %d after %d: %s, expected %s",
              name,
              row,
              actual.indices()[at],
              at == 0 ? -1 : actual.indices()[at - 1],
              actual.values()[at],
              value);
        }
      }
    }
  }

  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("kindsAndShapes")
  void gradientsAgree(TypeSettings type, int[] shape, Sources sources) {
    compareGradients(type, shape, sources, 0, Double.NaN);
  }

  /** Both ways of types that may be dense, whichever the batch would have had. */
  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("thoseThatMayBeDense")
  void denseAndSparseGradientsAgree(TypeSettings type, int[] shape, Sources sources) {
    compareGradients(type, shape, sources, 0, 0);
    compareGradients(type, shape, sources, shape[2] / 3, 2);
  }

  /** Every latent is dead from the start, so that the auxiliary loss does all it can. */
  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("kindsAndShapes")
  void auxiliaryGradientsAgree(TypeSettings type, int[] shape, Sources sources) {
    compareGradients(type, shape, sources, Math.max(1, shape[2] / 3), Double.NaN);
  }

  /**
   * @param denseFrom active share from which batches are taken for dense; NaN for what was measured
   */
  private static void compareGradients(
      TypeSettings type, int[] shape, Sources sources, int auxiliaryK, double denseFrom) {
    Dictionary initial = KernelFixture.dictionary(type, shape[1], shape[2], sources, 21);
    TrainingSpecification specification =
        KernelFixture.specification(type, shape[2], auxiliaryK, 0.5, 2)
            .withSourceWeights(sources.weights());
    FloatMatrix batch = KernelFixture.batch(shape[0], shape[1], 22);
    // The first batch makes latents that do not fire dead for the second.
    FloatMatrix before = KernelFixture.batch(2, shape[1], 23);
    ReferenceTraining slow = new ReferenceTraining(specification, initial);
    slow.gradients(before, FULL);
    StepLosses expected = slow.gradients(batch, FULL);
    if (auxiliaryK > 0 && shape[2] > 100 && type.selection().k() > 0) {
      assertThat(expected.auxiliary()).isPositive();
    }
    Map<String, double[]> reference = new LinkedHashMap<>(slow.lastGradients());
    if (specification.unitDecoder(initial)) {
      reference.computeIfPresent("W_dec", (tensor, values) -> projected(values, initial));
    }
    Map<String, double[]> byLatent = byLatent(reference, initial);
    for (KernelProvider provider : providers(sources, shape)) {
      if (!Double.isNaN(denseFrom) && !(provider instanceof CpuProvider)) {
        continue;
      }
      String name = provider.name();
      try (TrainingKernel fast = provider.training(specification, initial, shape[0] + 5)) {
        if (!Double.isNaN(denseFrom)) {
          ((CpuTraining) fast).denseFrom(denseFrom);
        }
        gradients(fast, before);
        StepLosses actual = gradients(fast, batch);
        assertNear(name, actual.fvu(), expected.fvu());
        assertNear(name, actual.loss(), expected.loss());
        assertNear(name, actual.auxiliary(), expected.auxiliary());
        assertThat(actual.l0()).as(name).isEqualTo(expected.l0());
        assertThat(actual.deadShare()).as(name).isEqualTo(expected.deadShare());
        Map<String, float[]> gradients =
            fast instanceof CpuTraining cpu
                ? cpu.lastGradients()
                : fast instanceof CudaTraining cuda
                    ? cuda.lastGradients()
                    : ((Nd4jTraining) fast).lastGradients();
        Map<String, double[]> right = fast instanceof Nd4jTraining ? reference : byLatent;
        assertThat(gradients.keySet()).as(name).isEqualTo(right.keySet());
        gradients.forEach(
            (tensor, values) -> assertClose(name + " " + tensor, values, right.get(tensor)));
      }
    }
  }

  private static void assertNear(String name, double actual, double expected) {
    assertThat(actual).as(name).isCloseTo(expected, within(1e-5 * (1 + expected)));
  }

  /**
   * As {@link CpuTraining} has them: encoder and decoder lie by latent, and what a transcoder lacks
   * is not there.
   */
  private static Map<String, double[]> byLatent(
      Map<String, double[]> gradients, Dictionary initial) {
    int inputs = initial.inputs();
    int written = initial.reconstructedColumns();
    int first = inputs - written;
    Map<String, double[]> result = new LinkedHashMap<>(gradients);
    result.computeIfPresent(
        "W_enc",
        (tensor, values) ->
            columns(transposed(values, inputs, initial.width()), inputs, 0, initial.readColumns()));
    result.computeIfPresent("W_dec", (tensor, values) -> columns(values, inputs, first, written));
    result.computeIfPresent("b_dec", (tensor, values) -> columns(values, inputs, first, written));
    return result;
  }

  private static StepLosses gradients(TrainingKernel kernel, FloatMatrix batch) {
    if (kernel instanceof CudaTraining cuda) {
      return cuda.gradients(batch, FULL);
    }
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

  /** Some columns of a matrix; all others must be zero. */
  private static double[] columns(double[] matrix, int all, int first, int count) {
    double[] result = new double[matrix.length / all * count];
    for (int at = 0; at < matrix.length; at++) {
      int column = at % all - first;
      if (column >= 0 && column < count) {
        result[at / all * count + column] = matrix[at];
      } else {
        assertThat(matrix[at]).isZero();
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
    double tolerance = 2e-4 * largest + 1e-7;
    assertThat(actual.length).as(tensor).isEqualTo(expected.length);
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= tolerance)) {
        fail("%s[%d]: %s, expected %s, within %s", tensor, i, actual[i], expected[i], tolerance);
      }
    }
  }

  /** With everything that a step can do besides. */
  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("kindsAndShapes")
  void stepsAgree(TypeSettings type, int[] shape, Sources sources) {
    Dictionary initial = KernelFixture.dictionary(type, shape[1], shape[2], sources, 31);
    List<StepLosses> expected = new ArrayList<>();
    float[] threshold;
    try (TrainingKernel slow = new ReferenceTraining(everything(type, shape[2], 0.5), initial)) {
      steps(slow, shape, expected);
      threshold = slow.snapshot().threshold();
    }
    // The average of the weights is the snapshot's alone; no loss sees it.
    TrainingSpecification specification = everything(type, shape[2], 0.5);
    for (KernelProvider provider : providers(sources, shape)) {
      try (TrainingKernel fast = provider.training(specification, initial, shape[0])) {
        List<StepLosses> actual = new ArrayList<>();
        steps(fast, shape, actual);
        for (int step = 0; step < expected.size(); step++) {
          double loss = expected.get(step).loss();
          assertThat(actual.get(step).loss())
              .as("%s: loss of step %d", provider.name(), step)
              .isCloseTo(loss, within(1e-3 * (0.1 + loss)));
        }
        Dictionary result = fast.snapshot();
        assertThat(result.threshold())
            .as(provider.name())
            .containsExactly(threshold, within(1e-3f));
        if (specification.unitDecoder(initial)) {
          double squares = 0;
          for (int i = 0; i < result.inputs(); i++) {
            squares += Math.pow(result.decoder().at(0, i), 2);
          }
          assertThat(squares).as(provider.name()).isCloseTo(1, within(1e-5));
        }
      }
    }
  }

  private static TrainingSpecification everything(
      TypeSettings type, int width, double averageDecay) {
    return new TrainingSpecification(
        width,
        type,
        width / 4,
        1.0 / 32,
        40,
        new Optimiser(0.9, 0.999, 1e-6, 0.05, 0.1, averageDecay));
  }

  private static void steps(TrainingKernel kernel, int[] shape, List<StepLosses> losses) {
    for (int step = 0; step < 5; step++) {
      losses.add(
          kernel.step(
              KernelFixture.batch(shape[0], shape[1], 100 + step),
              new StepSettings(2e-3f, 0.2 + 0.2 * step, 1)));
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
    List<KernelProvider> all = new ArrayList<>(providers());
    all.add(new ReferenceProvider());
    all.add(Kernels.provider("cpu", 1));
    for (KernelProvider provider : all) {
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
  }

  /** Of what is reconstructed nothing is read, and nothing of what is read is reconstructed. */
  @Test
  void transcodersReadOneSourceAndReconstructTheOther() {
    Dictionary dictionary = KernelFixture.dictionary(TopK.of(3), 20, 60, Sources.TRANSCODER, 71);
    FloatMatrix batch = KernelFixture.batch(33, 20, 72);
    FloatMatrix others = KernelFixture.batch(33, 20, 73);
    FloatMatrix mixed = FloatMatrix.zeros(33, 20);
    FloatMatrix read = batch.columns(0, 10);
    for (int row = 0; row < 33; row++) {
      System.arraycopy(batch.values(), row * 20, mixed.values(), row * 20, 10);
      System.arraycopy(others.values(), row * 20 + 10, mixed.values(), row * 20 + 10, 10);
    }
    List<KernelProvider> all = new ArrayList<>(providers());
    all.add(new ReferenceProvider());
    for (KernelProvider provider : all) {
      SparseCodes codes = new SparseCodes(60);
      FloatMatrix back = FloatMatrix.zeros(33, 20);
      List<float[]> values = new ArrayList<>();
      try (EncodingKernel kernel = provider.encoding(dictionary, 33)) {
        for (FloatMatrix rows : List.of(batch, mixed, read)) {
          kernel.encode(rows, codes);
          values.add(Arrays.copyOf(codes.values(), codes.size()));
        }
        kernel.decode(codes, back);
      }
      assertThat(values.get(1)).as(provider.name()).isEqualTo(values.get(0));
      assertThat(values.get(2)).as(provider.name()).isEqualTo(values.get(0));
      for (int i = 0; i < 10; i++) {
        assertThat(back.at(7, i)).isCloseTo(dictionary.inputMean()[i], within(1e-6f));
      }
    }
    TrainingSpecification specification =
        new TrainingSpecification(
            60, TopK.of(3), 8, 1.0 / 32, 40, new Optimiser(0.9, 0.999, 1e-8, 1, 0.1, 0.9));
    all.add(Kernels.provider("cpu", 2));
    for (KernelProvider provider : all) {
      try (TrainingKernel kernel = provider.training(specification, dictionary, 33)) {
        for (int step = 0; step < 20; step++) {
          kernel.step(KernelFixture.batch(33, 20, 80 + step), new StepSettings(1e-2f));
        }
        Dictionary trained = kernel.snapshot();
        assertThat(trained.target()).isEqualTo(Target.TRANSCODER);
        for (int latent = 0; latent < 60; latent++) {
          for (int i = 0; i < 20; i++) {
            float encoder = trained.encoder().at(i, latent);
            float decoder = trained.decoder().at(latent, i);
            assertThat(i < 10 ? decoder : encoder).as(provider.name()).isZero();
            assertThat(i < 10 ? encoder : decoder).as(provider.name()).isNotZero();
          }
        }
        assertThat(Arrays.copyOf(trained.decoderBias(), 10)).containsOnly(0);
        assertThat(trained.decoderBias()[10]).isNotZero();
      }
    }
  }

  @Test
  void aProviderNamesThePartThatItLacks() {
    // A part of another jar is nobody's.
    TypeSettings strange =
        new PrefixTopK(3) {
          @Override
          public Reconstruction reconstruction(int width) {
            return () -> "a reconstruction by hearsay";
          }
        };
    List<KernelProvider> all =
        new ArrayList<>(
            List.of(
                new CpuProvider(CpuMachine.detect(1)),
                new ReferenceProvider(),
                new Nd4jProvider(1)));
    CudaOnCpu.provider().ifPresent(all::add);
    for (KernelProvider provider : all) {
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
            KernelFixture.dictionary(type, 8, 20, Sources.ONE, 1),
            10)
        .close();
  }
}
