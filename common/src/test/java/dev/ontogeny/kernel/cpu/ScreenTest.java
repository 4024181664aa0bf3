package dev.ontogeny.kernel.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.kernel.KernelFixture;
import dev.ontogeny.kernel.StepProfile;
import dev.ontogeny.kernel.reference.ReferenceSelection;
import dev.ontogeny.run.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** What is screened in bf16 and decided in fp32 is what fp32 alone selects. */
final class ScreenTest {
  private static final int INPUTS = 48;
  private static final int WIDTH = 700;
  private static final int K = 9;

  private final RandomGenerator random = Seeds.generator(11, "screen");

  /** Products in bf16: made up, and the library's where this processor has them. */
  private static List<EncoderProduct.Factory> products() {
    List<EncoderProduct.Factory> products = new ArrayList<>();
    products.add(RoundingProduct.factory(new ScalarLoops()));
    if (OneDnnProduct.screening() != null) {
      products.add(OneDnnProduct.screening());
    }
    return products;
  }

  private static List<Loops> loops() {
    return List.of(new ScalarLoops(), new SimdLoops());
  }

  /** Weights of which many are near ties, multiples, duplicates or zeros. */
  private float[] weights() {
    float[] weights = KernelFixture.gaussians(random, WIDTH * INPUTS, 1);
    for (int latent = 0; latent < WIDTH; latent++) {
      for (int i = 0; i < INPUTS; i++) {
        int at = latent * INPUTS + i;
        switch (latent % 7) {
          case 1 -> weights[at] = weights[at - INPUTS] * (1 + 1e-6f);
          case 2 -> weights[at] = weights[at - INPUTS];
          case 3 -> weights[at] = weights[at - INPUTS] + 1e-4f * weights[at];
          case 4 -> weights[at] *= 1e4f;
          case 5 -> weights[at] = latent % 2 == 0 ? 0 : 1e-20f * weights[at];
          default -> weights[at] *= 3;
        }
      }
    }
    return weights;
  }

  private float[] rows() {
    float[] rows = KernelFixture.gaussians(random, 16 * INPUTS, 1);
    for (int i = 0; i < INPUTS; i++) {
      rows[INPUTS + i] = 0;
      rows[2 * INPUTS + i] *= 1e10f;
      rows[3 * INPUTS + i] *= 1e-15f;
      rows[4 * INPUTS + i] = 1;
      rows[5 * INPUTS + i] = i == 7 ? 1e6f : rows[5 * INPUTS + i];
      rows[6 * INPUTS + i] = rows[i];
      rows[7 * INPUTS + i] = 1 + 1 / 512f;
    }
    return rows;
  }

  @Test
  void selectsWhatSinglePrecisionSelects() {
    float[] weights = weights();
    float[] rows = rows();
    float[] bias = KernelFixture.gaussians(random, WIDTH, 0.1);
    float[] bounds = new float[WIDTH];
    float lowest = Float.POSITIVE_INFINITY;
    for (int latent = 0; latent < WIDTH; latent++) {
      bounds[latent] = 0.5f + 20 * random.nextFloat();
      lowest = Math.min(lowest, bounds[latent]);
    }
    int[] some = new int[WIDTH / 3];
    for (int j = 0; j < some.length; j++) {
      some[j] = 3 * j;
    }
    for (Loops loops : loops()) {
      for (EncoderProduct.Factory product : products()) {
        CpuMachine machine =
            new CpuMachine(loops, "test", JavaProduct.factory(loops), product, new Workers(1));
        try (CpuEncoder encoder = new CpuEncoder(machine, INPUTS, WIDTH, K, 16, true)) {
          for (int panel = 0; panel < encoder.panels(); panel++) {
            encoder.pack(0, panel, weights);
          }
          encoder.preActivations(0, rows, 0, 16, bias, StepProfile.OFF);
          for (int row = 0; row < 16; row++) {
            float[] exact = exact(loops, weights, bias, rows, row);
            float[] values = encoder.values(0);
            RowSelection selection = encoder.selection(0, row);
            String as = "row " + row + " with " + product.name() + ", " + loops.name();
            int at = row * WIDTH;
            assertThat(chosen(selection, selection.select(values, at, K), exact))
                .as(as)
                .isEqualTo(ReferenceSelection.largest(exact, K, latent -> true));
            boolean[] above = new boolean[WIDTH];
            for (int latent = 0; latent < WIDTH; latent++) {
              above[latent] = exact[latent] > bounds[latent];
            }
            assertThat(chosen(selection, selection.above(values, at, bounds, lowest), exact))
                .as(as)
                .isEqualTo(above);
            int found = selection.selectAmong(values, at, some, some.length, K);
            assertThat(chosen(selection, found, exact))
                .as(as)
                .isEqualTo(ReferenceSelection.largest(exact, K, latent -> latent % 3 == 0));
          }
        }
      }
    }
  }

  private static float[] exact(Loops loops, float[] weights, float[] bias, float[] rows, int row) {
    int[] all = new int[WIDTH];
    for (int latent = 0; latent < WIDTH; latent++) {
      all[latent] = latent;
    }
    float[] exact = new float[WIDTH];
    loops.dots(weights, INPUTS, all, 0, WIDTH, rows, row * INPUTS, exact);
    for (int latent = 0; latent < WIDTH; latent++) {
      exact[latent] += bias[latent];
    }
    return exact;
  }

  private static boolean[] chosen(RowSelection selection, int found, float[] exact) {
    int[] latents = new int[found];
    float[] codes = new float[found];
    selection.write(true, latents, codes, 0);
    boolean[] chosen = new boolean[WIDTH];
    for (int j = 0; j < found; j++) {
      assertThat(codes[j]).isEqualTo(exact[latents[j]]);
      chosen[latents[j]] = true;
    }
    return chosen;
  }

  @Test
  void losesWhatRoundingLoses() {
    float[] values = KernelFixture.gaussians(random, 1003, 5);
    values[3] = 1 + 1 / 256f;
    values[4] = 1 + 3 / 256f;
    double expected = 0;
    for (int i = 2; i < 1001; i++) {
      // 8 significant bits, to nearest, to even between two.
      double unit = Math.pow(2, Math.getExponent(values[i]) - 7);
      expected += Math.pow(values[i] - Math.rint(values[i] / unit) * unit, 2);
    }
    for (Loops loops : loops()) {
      assertThat((double) loops.lostToBf16(values, 2, 999))
          .isCloseTo(expected, org.assertj.core.data.Percentage.withPercentage(0.001));
    }
  }

  /** Few latents have to be looked at again, or screening would be of no use. */
  @Test
  void looksAgainAtFew() {
    Loops loops = new ScalarLoops();
    Screen screen = new Screen(loops, INPUTS, WIDTH, 1);
    Screen.Block lane = screen.new Block(1);
    float[] weights = KernelFixture.gaussians(random, WIDTH * INPUTS, 1);
    float[] row = KernelFixture.gaussians(random, INPUTS, 1);
    screen.pack(0, 0, WIDTH, weights);
    lane.load(row, 0, 1, new float[WIDTH]);
    // A pre-activation deviates by √D from zero here, and bf16 keeps 8 bits of a number.
    assertThat(lane.slack(0)).isLessThan((float) (INPUTS / 128.0)).isGreaterThan(0);
    for (int latent = 0; latent < WIDTH; latent++) {
      assertThat(lane.slack(0, latent)).isLessThanOrEqualTo(lane.slack(0));
    }
  }
}
