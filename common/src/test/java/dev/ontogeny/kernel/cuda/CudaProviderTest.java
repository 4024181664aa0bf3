package dev.ontogeny.kernel.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.NativeLibrary;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.kernel.EncodingKernel;
import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.KernelFixture.Kind;
import dev.ontogeny.kernel.KernelFixture.Sources;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.kernel.Optimiser;
import dev.ontogeny.kernel.ProductKernel;
import dev.ontogeny.kernel.TrainingKernel;
import dev.ontogeny.kernel.TrainingKernel.StepLosses;
import dev.ontogeny.kernel.TrainingKernel.StepSettings;
import dev.ontogeny.kernel.TrainingSize;
import dev.ontogeny.kernel.TrainingSpecification;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.matrix.SparseCodes;
import dev.ontogeny.run.Failure;
import dev.ontogeny.run.FailureKind;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.TopK;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the host asks of CUDA, on a device that is a processor; the arithmetic is KernelTwinsTest's.
 */
class CudaProviderTest {
  private static final int INPUTS = 13;
  private static final int WIDTH = 70;
  private static final int ROWS = 40;

  /** Everything that a step can have. */
  private static final TrainingSpecification ALL =
      new TrainingSpecification(
          WIDTH,
          new TopK(3, 0, 12, 0.125),
          8,
          1.0 / 32,
          100,
          new Optimiser(0.9, 0.999, 1e-8, 1, 0.1, 0.9));

  @TempDir Path folder;
  private NativeLibrary device;

  @BeforeEach
  void compiled() {
    assumeTrue(CudaOnCpu.library().isPresent(), "there is no C++ compiler on this machine");
    device = NativeLibrary.getInstance(CudaOnCpu.library().get().toString());
  }

  @AfterEach
  void asItWas() {
    if (device != null) {
      device.getFunction("cuda_on_cpu_log").invoke(new Object[] {null});
      device.getFunction("cuda_on_cpu_generation").invoke(new Object[] {90});
      device.getFunction("cuda_on_cpu_memory").invoke(new Object[] {1L << 30});
    }
  }

  private static KernelProvider provider() {
    return new CudaProvider(CudaDevice.of(CudaLibraries.of(CudaOnCpu.library().get()), 0));
  }

  /** Whose latents a batch chooses, more of them equal than are taken. */
  private static final TrainingSpecification OF_BATCH =
      new TrainingSpecification(
          WIDTH,
          new BatchTopK(3, 6, 0.9),
          8,
          1.0 / 32,
          100,
          new Optimiser(0.9, 0.999, 1e-8, 1, 0.1, 0.9));

  private static Dictionary initial() {
    return KernelFixture.dictionary(INPUTS, WIDTH, 3, 5);
  }

  private static StepLosses step(TrainingKernel kernel, int number) {
    return kernel.step(
        KernelFixture.batch(ROWS, INPUTS, 900 + number), new StepSettings(1e-2f, 1, 1));
  }

  /** The calls since the last time, by their first words. */
  private List<String> calls(Path log) throws IOException {
    List<String> calls = new ArrayList<>();
    for (String line : Files.readAllLines(log)) {
      calls.add(line.replaceAll(" \\d.*", ""));
    }
    device.getFunction("cuda_on_cpu_log").invoke(new Object[] {log.toString()});
    return calls;
  }

  @Test
  void aStepIsOneLaunchOnceItIsRecorded() throws IOException {
    List<String> reconstruction = List.of("select_largest", "residual", "sum_of");
    List<String> expected = new ArrayList<>();
    // The batch, then what changes from step to step.
    expected.addAll(List.of("to device", "to device", "centre", "product"));
    expected.addAll(List.of("column_sums", "variance"));
    expected.addAll(reconstruction);
    expected.add("sum_of");
    expected.addAll(reconstruction);
    expected.addAll(reconstruction);
    expected.addAll(List.of("factors", "gather_gradients", "column_sums", "gather_gradients"));
    expected.addAll(List.of("column_sums", "gather_gradients", "through_encoder"));
    expected.addAll(List.of("decoder_bias_gradient", "finish_gradients", "sum_of", "clip_factor"));
    expected.addAll(List.of("adam_latents", "adam_bias", "advance", "sum_of", "sum_of"));
    expected.add("from device");
    expected.add("wait");
    Path log = Files.createFile(folder.resolve("calls"));
    try (TrainingKernel kernel = provider().training(ALL, initial(), ROWS)) {
      calls(log);
      step(kernel, 0);
      assertThat(calls(log)).isEqualTo(expected);
      step(kernel, 1);
      expected.add(expected.size() - 1, "graph");
      assertThat(calls(log)).isEqualTo(expected);
      step(kernel, 2);
      assertThat(calls(log)).containsExactly("to device", "graph", "wait");
      // Another number of rows goes step by step first; nothing is allocated for it.
      kernel.step(KernelFixture.batch(ROWS - 7, INPUTS, 1), new StepSettings(1e-2f, 1, 1));
      expected.remove("graph");
      assertThat(calls(log)).isEqualTo(expected);
      step(kernel, 3);
      assertThat(calls(log)).containsExactly("to device", "graph", "wait");
    }
  }

  /** The copy is asked for before the step's result is waited for, and waited for by the device. */
  @Test
  void theNextBatchIsCopiedWhileAStepIsComputed() throws IOException {
    Path log = Files.createFile(folder.resolve("calls"));
    List<FloatMatrix> batches = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      batches.add(KernelFixture.batch(ROWS - i / 6, INPUTS, 900 + i));
    }
    StepSettings settings = new StepSettings(1e-2f, 1, 1);
    try (TrainingKernel kernel = provider().training(ALL, initial(), ROWS);
        TrainingKernel plain = provider().training(ALL, initial(), ROWS)) {
      for (int i = 0; i < 8; i++) {
        FloatMatrix next = i < 7 ? batches.get(i + 1) : null;
        calls(log);
        StepLosses losses = kernel.step(batches.get(i), settings, next);
        List<String> calls = calls(log);
        if (i == 0) {
          // The first batch nobody could copy before.
          assertThat(calls).startsWith("to device", "to device", "centre");
        } else {
          assertThat(calls.get(0)).isEqualTo("after event");
        }
        if (i == 4 || i == 5) {
          assertThat(calls).containsExactly("after event", "graph", "to device", "event", "wait");
        } else if (next != null) {
          assertThat(calls).endsWith("to device", "event", "wait");
        } else {
          assertThat(calls).endsWith("graph", "wait").doesNotContain("event");
        }
        assertThat(plain.step(batches.get(i), settings)).isEqualTo(losses);
      }
      assertThat(kernel.state()).usingRecursiveComparison().isEqualTo(plain.state());
    }
  }

  /**
   * Another batch than was told, one that is too long, none: what is given is what is learnt from.
   */
  @Test
  void aBatchThatWasToldAndDoesNotComeIsForgotten() {
    StepSettings settings = new StepSettings(1e-2f, 1, 1);
    List<FloatMatrix> batches = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      batches.add(KernelFixture.batch(ROWS, INPUTS, 950 + i));
    }
    FloatMatrix tooLong = KernelFixture.batch(ROWS + 1, INPUTS, 1);
    try (TrainingKernel kernel = provider().training(ALL, initial(), ROWS);
        TrainingKernel plain = provider().training(ALL, initial(), ROWS)) {
      kernel.step(batches.get(0), settings, batches.get(1));
      kernel.step(batches.get(2), settings, tooLong);
      kernel.step(batches.get(3), settings, batches.get(1));
      // Its memory had another batch meanwhile.
      kernel.step(batches.get(4), settings);
      Arrays.fill(batches.get(1).values(), 0.5f);
      kernel.step(batches.get(1), settings);
      for (int i : new int[] {0, 2, 3, 4, 1}) {
        FloatMatrix batch = i == 1 ? batches.get(1) : KernelFixture.batch(ROWS, INPUTS, 950 + i);
        plain.step(batch, settings);
      }
      assertThat(kernel.state()).usingRecursiveComparison().isEqualTo(plain.state());
    }
  }

  @Test
  void aChoiceOfTheBatchGoesOnAndIsRecordedAsWell() {
    Dictionary initial = KernelFixture.dictionary(OF_BATCH.type(), INPUTS, WIDTH, Sources.ONE, 6);
    FloatMatrix one = KernelFixture.batch(1, INPUTS, 8);
    float[] same = new float[ROWS * INPUTS];
    for (int row = 0; row < ROWS; row++) {
      System.arraycopy(one.values(), 0, same, row * INPUTS, INPUTS);
    }
    // Rows that are all alike: of equal scores the lower rows have theirs.
    FloatMatrix alike = new FloatMatrix(ROWS, INPUTS, same);
    alike.values()[0] += 1e-3f;
    List<KernelProvider> both = List.of(Kernels.provider("reference", 1), provider());
    List<Dictionary> results = new ArrayList<>();
    for (KernelProvider each : both) {
      try (TrainingKernel kernel = each.training(OF_BATCH, initial, ROWS);
          TrainingKernel other = each.training(OF_BATCH, initial, ROWS)) {
        StepLosses first = kernel.step(alike, new StepSettings(1e-3f, 1, 0.5));
        assertThat(first.l0()).isEqualTo(5);
        for (int i = 0; i < 3; i++) {
          step(kernel, i);
        }
        other.restore(kernel.state());
        assertThat(step(other, 4)).isEqualTo(step(kernel, 4));
        assertThat(other.snapshot()).usingRecursiveComparison().isEqualTo(kernel.snapshot());
        results.add(kernel.snapshot());
      }
    }
    assertThat(results.get(1).threshold())
        .containsExactly(results.get(0).threshold(), within(1e-3f));
    assertThat(results.get(1).decoder().values())
        .containsExactly(results.get(0).decoder().values(), within(2e-2f));
  }

  @Test
  void theSameStepsGiveTheSameBytes() {
    List<Map<String, float[]>> states = new ArrayList<>();
    for (int run = 0; run < 2; run++) {
      try (TrainingKernel kernel = provider().training(ALL, initial(), ROWS + 9 * run)) {
        for (int i = 0; i < 6; i++) {
          step(kernel, i);
        }
        states.add(kernel.state());
      }
    }
    assertThat(states.get(1)).usingRecursiveComparison().isEqualTo(states.get(0));
  }

  @Test
  void aStateGoesOnAsIfNothingHadBeen() {
    try (TrainingKernel whole = provider().training(ALL, initial(), ROWS);
        TrainingKernel other = provider().training(ALL, initial(), ROWS)) {
      for (int i = 0; i < 4; i++) {
        step(whole, i);
      }
      other.restore(whole.state());
      for (int i = 4; i < 8; i++) {
        assertThat(step(other, i)).isEqualTo(step(whole, i));
      }
      assertThat(other.snapshot()).usingRecursiveComparison().isEqualTo(whole.snapshot());
    }
  }

  /** Of autoencoders, so that a run goes on by whichever of the two there is. */
  @Test
  void aStateOfTheProcessorGoesOn() {
    try (TrainingKernel cpu = Kernels.provider("cpu", 1).training(ALL, initial(), ROWS);
        TrainingKernel cuda = provider().training(ALL, initial(), ROWS)) {
      for (int i = 0; i < 4; i++) {
        step(cpu, i);
      }
      cuda.restore(cpu.state());
      for (int i = 4; i < 7; i++) {
        double loss = step(cpu, i).loss();
        assertThat(step(cuda, i).loss()).isCloseTo(loss, within(1e-3 * loss));
      }
    }
  }

  @Test
  void equalPreActivationsGoToTheLowerLatents() {
    // Latents in pairs that are the same.
    Dictionary twins = initial();
    float[] encoder = twins.encoder().values();
    for (int at = 0; at < encoder.length; at += 2) {
      encoder[at + 1] = encoder[at];
    }
    for (int latent = 0; latent < WIDTH; latent += 2) {
      twins.encoderBias()[latent + 1] = twins.encoderBias()[latent];
    }
    FloatMatrix batch = KernelFixture.batch(ROWS, INPUTS, 3);
    List<SparseCodes> all = new ArrayList<>();
    for (KernelProvider each : List.of(Kernels.provider("reference", 1), provider())) {
      SparseCodes codes = new SparseCodes(WIDTH);
      try (EncodingKernel kernel = each.encoding(twins, ROWS)) {
        kernel.encode(batch, codes);
      }
      all.add(codes);
    }
    int size = all.get(0).size();
    assertThat(Arrays.copyOf(all.get(1).starts(), ROWS + 1))
        .isEqualTo(Arrays.copyOf(all.get(0).starts(), ROWS + 1));
    assertThat(Arrays.copyOf(all.get(1).indices(), size))
        .isEqualTo(Arrays.copyOf(all.get(0).indices(), size));
  }

  @Test
  void nothingThatIsNotANumberIsLearnt() {
    try (TrainingKernel kernel = provider().training(ALL, initial(), ROWS)) {
      step(kernel, 0);
      Map<String, float[]> before = kernel.state();
      FloatMatrix batch = KernelFixture.batch(ROWS, INPUTS, 1);
      Arrays.fill(batch.values(), 0, INPUTS, Float.NaN);
      StepLosses losses = kernel.step(batch, new StepSettings(1e-2f, 1, 1));
      assertThat(losses.loss()).isNaN();
      assertThat(kernel.state().get("encoder")).isEqualTo(before.get("encoder"));
      assertThat(kernel.state().get("decoder_first")).isEqualTo(before.get("decoder_first"));
      assertThat(kernel.state().get("steps")).isEqualTo(before.get("steps"));
    }
  }

  @Test
  void productsAndNeighboursAgree() {
    FloatMatrix kept =
        new FloatMatrix(300, 9, KernelFixture.gaussians(Seeds.generator(1, "kept"), 2700, 1));
    FloatMatrix rows =
        new FloatMatrix(270, 9, KernelFixture.gaussians(Seeds.generator(1, "rows"), 2430, 1));
    float[][] products = new float[2][270 * 300];
    int[][] nearest = new int[2][200];
    float[][] cosines = new float[2][200];
    List<List<Integer>> reaching = new ArrayList<>();
    List<KernelProvider> both = List.of(Kernels.provider("reference", 1), provider());
    for (int i = 0; i < 2; i++) {
      List<Integer> pairs = new ArrayList<>();
      float[] bars = new float[300];
      Arrays.fill(bars, 4);
      try (ProductKernel kernel = both.get(i).products(kept)) {
        kernel.multiply(rows, products[i]);
        kernel.reaching(rows, bars, bars, (row, which, product) -> pairs.add(row * 300 + which));
      }
      Collections.sort(pairs);
      reaching.add(pairs);
      both.get(i).nearest(kept, 50, 250, nearest[i], cosines[i]);
    }
    assertThat(products[1]).containsExactly(products[0], within(1e-5f));
    assertThat(reaching.get(0)).isNotEmpty();
    assertThat(reaching.get(1)).isEqualTo(reaching.get(0));
    assertThat(nearest[1]).isEqualTo(nearest[0]);
    assertThat(cosines[1]).containsExactly(cosines[0], within(1e-5f));
  }

  @Test
  void aBatchOfNothingAndOneThatIsTooLong() {
    try (EncodingKernel kernel = provider().encoding(initial(), 3)) {
      SparseCodes codes = new SparseCodes(WIDTH);
      kernel.encode(FloatMatrix.zeros(0, INPUTS), codes);
      assertThat(codes.rows()).isZero();
      assertThatThrownBy(() -> kernel.encode(FloatMatrix.zeros(4, INPUTS), codes))
          .hasMessage("a batch of 4 rows, expected are up to 3");
    }
  }

  @Test
  void aDeviceThatIsTooSmallIsRefusedBeforeAnythingIsAllocated() throws IOException {
    long needed = CudaProvider.memory(ALL, new TrainingSize(INPUTS, INPUTS, 1, ROWS, 1));
    device.getFunction("cuda_on_cpu_memory").invoke(new Object[] {needed - 1});
    Path log = folder.resolve("calls");
    KernelProvider provider = provider();
    device.getFunction("cuda_on_cpu_log").invoke(new Object[] {log.toString()});
    assertThatThrownBy(() -> provider.training(ALL, initial(), ROWS))
        .isInstanceOfSatisfying(
            Failure.class, failure -> assertThat(failure.kind()).isEqualTo(FailureKind.RESOURCES))
        .hasMessageMatching(
            "a dictionary of width 70 over 13 columns takes [0-9,]+ bytes of a GPU in batches of 40, and [0-9,]+ of a processor, sm_90 are free: .*");
    assertThat(Files.readAllLines(log)).isEmpty();
    // What was said to be enough is.
    device.getFunction("cuda_on_cpu_memory").invoke(new Object[] {needed});
    try (TrainingKernel kernel = provider.training(ALL, initial(), ROWS)) {
      step(kernel, 0);
    }
  }

  /** Within the memory that was said to be enough, and from a state as from the start. */
  @Test
  void everyKindIsTrainedAndGoesOn() {
    for (Kind kind : KernelFixture.kinds(3, INPUTS, WIDTH)) {
      Dictionary initial = KernelFixture.dictionary(kind.type(), INPUTS, WIDTH, kind.sources(), 41);
      TrainingSpecification specification =
          new TrainingSpecification(
              WIDTH,
              kind.type(),
              8,
              1.0 / 32,
              2 * ROWS,
              new Optimiser(0.9, 0.999, 1e-8, 1, 0.1, 0.9),
              kind.sources().weights());
      TrainingSize size =
          new TrainingSize(
              initial.readColumns(),
              initial.reconstructedColumns(),
              initial.reconstructedSources().size(),
              ROWS,
              1);
      long needed = CudaProvider.memory(specification, size);
      device.getFunction("cuda_on_cpu_memory").invoke(new Object[] {needed});
      List<StepLosses> losses = new ArrayList<>();
      Map<String, float[]> state;
      Dictionary result;
      try (TrainingKernel kernel = provider().training(specification, initial, ROWS)) {
        for (int i = 0; i < 6; i++) {
          step(kernel, i);
        }
        state = kernel.state();
        for (int i = 6; i < 11; i++) {
          losses.add(step(kernel, i));
        }
        result = kernel.snapshot();
      }
      try (TrainingKernel other = provider().training(specification, initial, ROWS)) {
        other.restore(state);
        for (int i = 6; i < 11; i++) {
          assertThat(step(other, i)).as(kind.toString()).isEqualTo(losses.get(i - 6));
        }
        assertThat(other.snapshot()).usingRecursiveComparison().isEqualTo(result);
      }
      try (TrainingKernel cpu = Kernels.provider("cpu", 1).training(specification, initial, ROWS)) {
        for (int i = 0; i < 6; i++) {
          step(cpu, i);
        }
        // A run goes on by whichever of the two there is.
        if (kind.sources() != Sources.TRANSCODER) {
          assertThat(state.keySet()).as(kind.toString()).isEqualTo(cpu.state().keySet());
        }
        double loss = losses.get(0).loss();
        cpu.restore(state);
        assertThat(step(cpu, 6).loss()).as(kind.toString()).isCloseTo(loss, within(2e-2 * loss));
      }
    }
  }

  @Test
  void memoryThatRunsOutIsGivenBack() {
    KernelProvider provider = provider();
    for (long room = 34L << 20; room < 40L << 20; room += 1L << 20) {
      device.getFunction("cuda_on_cpu_memory").invoke(new Object[] {room});
      try (EncodingKernel kernel = provider.encoding(initial(), 1 << 12)) {
        kernel.encode(KernelFixture.batch(5, INPUTS, 1), new SparseCodes(WIDTH));
      } catch (Failure e) {
        assertThat(e.kind()).isEqualTo(FailureKind.RESOURCES);
        assertThat(e).hasMessageContaining("CUDA answers 2 (out of memory)");
      }
    }
    device.getFunction("cuda_on_cpu_memory").invoke(new Object[] {60L << 20});
    provider.encoding(initial(), 1 << 12).close();
  }

  @Test
  void generations() throws IOException {
    Path log = folder.resolve("calls");
    device.getFunction("cuda_on_cpu_log").invoke(new Object[] {log.toString()});
    assertThat(provider().name())
        .isEqualTo("cuda (a processor, sm_90; products in bf16, decided in fp32)");
    // A later one than the compiler knows gets what the driver translates.
    device.getFunction("cuda_on_cpu_generation").invoke(new Object[] {120});
    assertThat(provider().name()).contains("sm_120");
    assertThat(Files.readAllLines(log))
        .contains("option --gpu-architecture=sm_90", "option --gpu-architecture=compute_90");
    device.getFunction("cuda_on_cpu_generation").invoke(new Object[] {75});
    assertThatThrownBy(CudaProviderTest::provider)
        .isInstanceOf(Failure.class)
        .hasMessage(
            "GPU 0 (a processor) is of compute capability 7.5, and kernel cuda is for 8.0 and later: take nd4j");
    assertThatThrownBy(() -> CudaDevice.of(CudaLibraries.of(CudaOnCpu.library().get()), 3))
        .hasMessage("CUDA has 1 devices here, and not number 3");
  }

  @Test
  void aFileThatIsNoLibraryIsNamed() throws IOException {
    Path file = Files.writeString(folder.resolve("libcuda.so.1"), "nothing");
    assertThatThrownBy(() -> CudaLibraries.of(file))
        .isInstanceOf(Failure.class)
        .hasMessageStartingWith("CUDA's driver is not on this machine: none of libcuda.so.1")
        .hasMessageContaining(file + " cannot be loaded: ")
        .hasMessageEndingWith("ONTOGENY_CUDA_LIBRARIES lists folders where to look");
  }
}
