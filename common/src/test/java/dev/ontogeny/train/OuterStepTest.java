package dev.ontogeny.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.kernel.DeadLatents;
import dev.ontogeny.run.Seeds;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class OuterStepTest {
  private static final int COLUMNS = 5;

  /** As a kernel of {@code width} latents leaves it. */
  private static Map<String, float[]> state(int width, long seed) {
    RandomGenerator random = Seeds.generator(seed, "state", width);
    Map<String, float[]> state = new LinkedHashMap<>();
    for (String name : List.of("encoder", "decoder", "encoder_first", "decoder_second")) {
      state.put(name, values(width * COLUMNS, random));
    }
    state.put("encoder_bias", values(width, random));
    state.put("decoder_bias", values(COLUMNS, random));
    state.put("encoder_average", values(width * COLUMNS, random));
    state.put("running_threshold", values(1, random));
    state.put("steps", new float[] {40});
    DeadLatents silent = new DeadLatents(width, 100);
    for (int latent = 0; latent < width; latent++) {
      silent.advance(latent, false, random.nextInt(200));
    }
    silent.save(state);
    return state;
  }

  private static float[] values(int length, RandomGenerator random) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static Map<String, float[]> next(
      Rounds rounds,
      boolean unit,
      Map<String, float[]> common,
      List<Map<String, float[]>> workers) {
    OuterStep step = new OuterStep(rounds, unit, common);
    workers.forEach(step::add);
    return step.next();
  }

  /** Two rounds beside plain loops over the formulas, whole and in parts. */
  @ParameterizedTest
  @CsvSource({"1,1,1,0", "13,2,0.7,0.9", "13,3,1,0.5", "207,4,0.5,0", "702,8,1.3,0.8"})
  void isWhatPlainLoopsGive(int width, int workers, double rate, double momentum) {
    Rounds rounds = new Rounds(workers, 10, rate, momentum);
    StateSlices slices = new StateSlices(width, Math.min(workers, width));
    Map<String, float[]> common = OuterStep.first(rounds, state(width, 0));
    double[] weights = doubles(common.get("encoder"));
    double[] velocity = new double[weights.length];
    for (int round = 0; round < 2; round++) {
      List<Map<String, float[]>> states = new ArrayList<>();
      for (int worker = 0; worker < workers; worker++) {
        states.add(state(width, 100 * round + worker + 1));
      }
      for (int i = 0; i < weights.length; i++) {
        double mean = mean(states, "encoder", i);
        // As torch.optim.SGD has it with nesterov=True, the gradient being θ − θ̄.
        double gradient = weights[i] - mean;
        velocity[i] = momentum * velocity[i] + gradient;
        weights[i] -= rate * (gradient + momentum * velocity[i]);
      }
      List<Map<String, float[]>> parts = new ArrayList<>();
      for (int part = 0; part < slices.parts(); part++) {
        int at = part;
        parts.add(
            next(
                rounds,
                false,
                slices.part(common, at),
                states.stream().map(state -> slices.part(state, at)).toList()));
      }
      Map<String, float[]> whole = next(rounds, false, common, states);
      Map<String, float[]> joined = StateSlices.join(parts);
      assertThat(joined.keySet()).isEqualTo(whole.keySet());
      whole.forEach((name, values) -> assertThat(joined.get(name)).as(name).isEqualTo(values));
      common = joined;
      for (String name : List.of("decoder_second", "encoder_average", "running_threshold")) {
        for (int i = 0; i < common.get(name).length; i++) {
          assertThat((double) common.get(name)[i])
              .as(name)
              .isCloseTo(mean(states, name, i), within(1e-6));
        }
      }
    }
    for (int i = 0; i < weights.length; i++) {
      assertThat((double) common.get("encoder")[i]).isCloseTo(weights[i], within(2e-6));
    }
    assertThat(common.get("steps")).containsExactly(40);
  }

  private static double mean(List<Map<String, float[]>> states, String name, int at) {
    return states.stream().mapToDouble(state -> state.get(name)[at]).average().orElseThrow();
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  @Test
  void aWorkerThatIsAloneKeepsItsStateToTheLastBit() {
    Rounds rounds = new Rounds(1, 10, 1, 0);
    Map<String, float[]> alone = state(17, 3);
    // Unit rows as rounding leaves them.
    float[] decoder = alone.get("decoder");
    for (int latent = 0; latent < 17; latent++) {
      double squares = 0;
      for (int i = 0; i < COLUMNS; i++) {
        squares += Math.pow(decoder[latent * COLUMNS + i], 2);
      }
      for (int i = 0; i < COLUMNS; i++) {
        decoder[latent * COLUMNS + i] *= (float) (1 / Math.sqrt(squares));
      }
    }
    Map<String, float[]> next =
        next(rounds, true, OuterStep.first(rounds, state(17, 4)), List.of(alone));
    assertThat(next.keySet()).containsExactlyInAnyOrderElementsOf(alone.keySet());
    alone.forEach((name, values) -> assertThat(next.get(name)).as(name).isEqualTo(values));
  }

  @Test
  void decodersGetUnitNormBackWhereTheTypeHasIt() {
    Rounds rounds = new Rounds(2, 10, 1, 0);
    List<Map<String, float[]>> workers = List.of(state(9, 1), state(9, 2));
    Map<String, float[]> common = OuterStep.first(rounds, state(9, 0));
    float[] unit = next(rounds, true, common, workers).get("decoder");
    float[] free = next(rounds, false, common, workers).get("decoder");
    for (int latent = 0; latent < 9; latent++) {
      double squares = 0;
      double product = 0;
      double length = 0;
      for (int at = latent * COLUMNS; at < (latent + 1) * COLUMNS; at++) {
        squares += (double) unit[at] * unit[at];
        product += (double) unit[at] * free[at];
        length += (double) free[at] * free[at];
      }
      assertThat(squares).isCloseTo(1, within(1e-6));
      assertThat(product / Math.sqrt(length)).isCloseTo(1, within(1e-6));
    }
  }

  /** Latents that have been silent for so many tokens with each of two workers. */
  @Test
  void aLatentIsDeadOnlyIfItIsDeadWithAllWorkers() {
    long window = 3_000_000;
    long[][] silences = {
      {0, 2_999_999, 3_000_000, 3_000_000, 1L << 30}, {3_000_000, 9_000_000, 5, 4_000_000, 1L << 31}
    };
    List<Map<String, float[]>> workers = new ArrayList<>();
    for (long[] silence : silences) {
      DeadLatents silent = new DeadLatents(5, window);
      for (int latent = 0; latent < 5; latent++) {
        silent.advance(latent, false, silence[latent]);
      }
      Map<String, float[]> state = state(5, 1);
      silent.save(state);
      workers.add(state);
    }
    Rounds rounds = new Rounds(2, 10, 1, 0);
    Map<String, float[]> next = next(rounds, false, OuterStep.first(rounds, state(5, 0)), workers);
    DeadLatents silent = new DeadLatents(5, window);
    silent.restore(next);
    boolean[] dead = new boolean[5];
    for (int latent = 0; latent < 5; latent++) {
      dead[latent] = silent.dead(latent);
    }
    assertThat(dead).containsExactly(false, false, false, true, true);
    assertThat(DeadLatents.countDead(next, window)).isEqualTo(2);
    assertThat(new Rounds(4, 10, 1, 0).deadWindow(500_001)).isEqualTo(125_001);
  }
}
