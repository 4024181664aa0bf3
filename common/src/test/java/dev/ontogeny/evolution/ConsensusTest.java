package dev.ontogeny.evolution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.KernelProvider;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.run.Seeds;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.Target;
import dev.ontogeny.type.TopK;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Replicas that share planted features, each with others that it has alone. */
final class ConsensusTest {
  private static final int INPUTS = 40;
  private static final int PLANTED = 12;
  private static final int WIDTH = 21;

  private static KernelProvider kernels() {
    return Kernels.provider("reference", 1);
  }

  /** Where a planted feature stands in a replica. */
  private static int place(int replica, int feature) {
    return (5 * feature + 3 * replica) % WIDTH;
  }

  /**
   * A replica.
   *
   * @param free decoders are as long as they like, codes in proportion
   */
  private static Dictionary replica(int number, DictionaryType type, boolean free) {
    FloatMatrix encoder = FloatMatrix.zeros(INPUTS, WIDTH);
    FloatMatrix decoder = FloatMatrix.zeros(WIDTH, INPUTS);
    float[] bias = new float[WIDTH];
    float[] threshold = new float[WIDTH];
    for (int latent = 0; latent < WIDTH; latent++) {
      RandomGenerator own = Seeds.generator(3, "own", number, latent);
      int planted = -1;
      for (int f = 0; f < PLANTED; f++) {
        planted = place(number, f) == latent ? f : planted;
      }
      RandomGenerator direction =
          planted >= 0
              ? Seeds.generator(3, "planted", planted)
              : Seeds.generator(3, "alone", own.nextInt());
      double length = free ? 0.5 + own.nextDouble() : 1;
      double[] vector = new double[INPUTS];
      double squares = 0;
      for (int i = 0; i < INPUTS; i++) {
        vector[i] = direction.nextGaussian() + 0.15 * own.nextGaussian();
        squares += vector[i] * vector[i];
      }
      for (int i = 0; i < INPUTS; i++) {
        double unit = vector[i] / Math.sqrt(squares);
        decoder.values()[latent * INPUTS + i] = (float) (unit * length);
        encoder.values()[i * WIDTH + latent] =
            (float) ((unit + 0.02 * own.nextGaussian()) / length);
      }
      bias[latent] = (float) (0.1 * own.nextGaussian() / length);
      threshold[latent] = (float) ((0.2 + 0.1 * own.nextDouble()) / length);
    }
    float[] decoderBias = new float[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
      decoderBias[i] = (float) Seeds.generator(3, "bias", number, i).nextGaussian();
    }
    return new Dictionary(
        type,
        List.of(new Source("a", 1, INPUTS / 2), new Source("a", 2, INPUTS / 2)),
        type.equals(TopK.TYPE) ? 3 : 0,
        encoder,
        bias,
        decoder,
        decoderBias,
        new float[INPUTS],
        new float[] {1, 1},
        type.equals(TopK.TYPE) ? new float[0] : threshold);
  }

  /** Decoders are scaled while they are compared. */
  private static Directions directions(Dictionary of) {
    return Directions.of(
        new Dictionary(
            of.type(),
            of.sources(),
            of.target(),
            of.k(),
            of.encoder(),
            of.encoderBias(),
            new FloatMatrix(of.width(), of.inputs(), of.decoder().values().clone()),
            of.decoderBias(),
            of.inputMean(),
            of.inputScale(),
            of.further()));
  }

  private static Consensus.Merged merged(List<Dictionary> replicas, int fewest) {
    FeatureClusters clusters =
        new FeatureClusters(replicas.stream().mapToInt(Dictionary::width).toArray());
    for (int a = 0; a < replicas.size(); a++) {
      for (int b = a + 1; b < replicas.size(); b++) {
        clusters.link(
            a,
            b,
            Counterparts.of(kernels(), directions(replicas.get(a)), directions(replicas.get(b))),
            0.7);
      }
    }
    Consensus consensus = new Consensus(clusters.of(fewest));
    for (int r = 0; r < replicas.size(); r++) {
      consensus.add(r, replicas.get(r));
    }
    return consensus.merge();
  }

  private static List<Dictionary> replicas(int count, DictionaryType type, boolean free) {
    List<Dictionary> replicas = new ArrayList<>();
    for (int r = 0; r < count; r++) {
      replicas.add(replica(r, type, free));
    }
    return replicas;
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 5})
  void whatWasPlantedIsFoundAndWhatOneHasAloneIsNot(int count) {
    List<Dictionary> replicas = replicas(count, TopK.TYPE, false);
    Consensus.Merged merged = merged(replicas, count);
    Dictionary dictionary = merged.dictionary();
    assertThat(dictionary.width()).isEqualTo(PLANTED);
    assertThat(dictionary.k()).isEqualTo(3);
    List<Integer> found = new ArrayList<>();
    for (int f = 0; f < PLANTED; f++) {
      int[] members = merged.members().get(f);
      int planted = 0;
      while (place(0, planted) != members[0]) {
        planted++;
      }
      found.add(planted);
      double pairs = 0;
      double spread = 0;
      for (int a = 0; a < count; a++) {
        assertThat(members[a]).isEqualTo(place(a, planted));
        spread =
            Math.max(
                spread,
                Math.toDegrees(Math.acos(cosine(replicas.get(a), members[a], dictionary, f))));
        for (int b = a + 1; b < count; b++) {
          pairs += cosine(replicas.get(a), members[a], replicas.get(b), members[b]);
        }
      }
      assertThat(merged.replicas(f)).isEqualTo(count);
      assertThat(merged.meanCosine()[f])
          .isCloseTo(pairs / (count * (count - 1) / 2.0), within(1e-5))
          .isGreaterThan(0.9);
      double angle = 0;
      for (int a = 0; a < count; a++) {
        angle = Math.max(angle, merged.angles(rows(replicas.get(a), merged.of(a)))[f]);
      }
      assertThat(angle).isCloseTo(spread, within(1e-2)).isBetween(1.0, 20.0);
      double squares = 0;
      for (int i = 0; i < INPUTS; i++) {
        squares += Math.pow(dictionary.decoder().at(f, i), 2);
      }
      assertThat(squares).isCloseTo(1, within(1e-5));
    }
    assertThat(found).doesNotHaveDuplicates();
  }

  private static FloatMatrix rows(Dictionary of, int[] which) {
    FloatMatrix rows = FloatMatrix.zeros(which.length, INPUTS);
    for (int i = 0; i < which.length; i++) {
      System.arraycopy(of.decoder().values(), which[i] * INPUTS, rows.values(), i * INPUTS, INPUTS);
    }
    return rows;
  }

  private static double cosine(Dictionary a, int i, Dictionary b, int j) {
    return Directions.cosines(rows(a, new int[] {i}), rows(b, new int[] {j}))[0];
  }

  /** Pre-activations of a merged feature are means over replicas, in the length of its decoder. */
  @Test
  void preActivationsAreMeans() {
    List<Dictionary> replicas = replicas(3, BatchTopK.TYPE, true);
    Consensus.Merged merged = merged(replicas, 3);
    assertThat(merged.dictionary().width()).isEqualTo(PLANTED);
    float[] input = new float[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
      input[i] = (float) Seeds.generator(9, "input", i).nextGaussian();
    }
    for (int f = 0; f < PLANTED; f++) {
      double pre = 0;
      double lengths = 0;
      double bars = 0;
      for (int r = 0; r < 3; r++) {
        int latent = merged.members().get(f)[r];
        double length = length(replicas.get(r), latent);
        lengths += length / 3;
        pre += length * pre(replicas.get(r), latent, input) / 3;
        bars += length * replicas.get(r).threshold()[latent] / 3;
      }
      assertThat(length(merged.dictionary(), f)).isCloseTo(lengths, within(1e-5));
      assertThat(pre(merged.dictionary(), f, input)).isCloseTo(pre / lengths, within(1e-4));
      assertThat((double) merged.dictionary().threshold()[f])
          .isCloseTo(bars / lengths, within(1e-5));
    }
  }

  private static double pre(Dictionary of, int latent, float[] input) {
    double sum = of.encoderBias()[latent];
    for (int i = 0; i < INPUTS; i++) {
      sum += (input[i] - of.decoderBias()[i]) * of.encoder().at(i, latent);
    }
    return sum;
  }

  private static double length(Dictionary of, int latent) {
    double squares = 0;
    for (int i = 0; i < INPUTS; i++) {
      squares += Math.pow(of.decoder().at(latent, i), 2);
    }
    return Math.sqrt(squares);
  }

  /** What a transcoder neither reads nor reconstructs stays zero, or it would be none. */
  @Test
  void transcodersStayTranscoders() {
    List<Dictionary> replicas =
        replicas(2, TopK.TYPE, false).stream().map(ConsensusTest::transcoder).toList();
    Dictionary merged = merged(replicas, 2).dictionary();
    assertThat(merged.target()).isEqualTo(Target.TRANSCODER);
    assertThat(merged.width()).isEqualTo(PLANTED);
  }

  private static Dictionary transcoder(Dictionary of) {
    float[] encoder = of.encoder().values().clone();
    float[] decoder = of.decoder().values().clone();
    float[] bias = of.decoderBias().clone();
    Arrays.fill(encoder, INPUTS / 2 * WIDTH, INPUTS * WIDTH, 0);
    Arrays.fill(bias, 0, INPUTS / 2, 0);
    for (int latent = 0; latent < WIDTH; latent++) {
      Arrays.fill(decoder, latent * INPUTS, latent * INPUTS + INPUTS / 2, 0);
    }
    return new Dictionary(
        of.type(),
        of.sources(),
        Target.TRANSCODER,
        of.k(),
        new FloatMatrix(INPUTS, WIDTH, encoder),
        of.encoderBias(),
        new FloatMatrix(WIDTH, INPUTS, decoder),
        bias,
        of.inputMean(),
        of.inputScale(),
        of.further());
  }

  /** Where the decoder of a crosscoder is short, nothing decides what the encoder reads. */
  @Test
  void encodersCountWhereTheFeatureIs() {
    List<Dictionary> replicas = new ArrayList<>();
    for (Dictionary each : replicas(2, BatchTopK.TYPE, true)) {
      for (int latent = 0; latent < WIDTH; latent++) {
        for (int i = 0; i < INPUTS / 2; i++) {
          each.decoder().values()[latent * INPUTS + i] = 0;
          each.encoder().values()[i * WIDTH + latent] =
              (float) Seeds.generator(7, "noise", replicas.size(), latent, i).nextGaussian();
        }
      }
      replicas.add(each);
    }
    assertThat(merged(replicas, 2).dictionary().width()).isEqualTo(PLANTED);
  }

  /** A gate by source multiplies by the norm itself, so that its bar does not depend on it. */
  @Test
  void barsOfGatesBySourceAreMeansAsTheyStand() {
    List<Dictionary> replicas = replicas(2, JumpRelu.BY_SOURCE, true);
    Consensus.Merged merged = merged(replicas, 2);
    for (int f = 0; f < PLANTED; f++) {
      int[] members = merged.members().get(f);
      float mean =
          (replicas.get(0).threshold()[members[0]] + replicas.get(1).threshold()[members[1]]) / 2;
      assertThat(merged.dictionary().threshold()[f]).isCloseTo(mean, within(1e-6f));
    }
  }

  /** A feature that is twice as long with half the code is the same feature. */
  @Test
  void lengthsThatCodesMakeUpForDecideNothing() {
    Dictionary one = replica(0, BatchTopK.TYPE, false);
    Dictionary longer = scaled(one, 4);
    Consensus.Merged merged = merged(List.of(longer, one), 2);
    assertThat(merged.dictionary().width()).isEqualTo(WIDTH);
    assertThat(merged.dictionary().decoderBias()).isEqualTo(one.decoderBias());
    // Between lengths 4 and 1.
    Dictionary same = scaled(merged.dictionary(), 1 / 2.5);
    for (int f = 0; f < WIDTH; f++) {
      int latent = merged.members().get(f)[1];
      assertThat(merged.members().get(f)[0]).isEqualTo(latent);
      for (int i = 0; i < INPUTS; i++) {
        assertThat(same.decoder().at(f, i)).isCloseTo(one.decoder().at(latent, i), within(1e-5f));
        assertThat(same.encoder().at(i, f)).isCloseTo(one.encoder().at(i, latent), within(1e-5f));
      }
      assertThat(same.encoderBias()[f]).isCloseTo(one.encoderBias()[latent], within(1e-5f));
      assertThat(same.threshold()[f]).isCloseTo(one.threshold()[latent], within(1e-5f));
    }
  }

  private static Dictionary scaled(Dictionary of, double by) {
    FloatMatrix encoder = new FloatMatrix(INPUTS, of.width(), of.encoder().values().clone());
    FloatMatrix decoder = new FloatMatrix(of.width(), INPUTS, of.decoder().values().clone());
    float[] bias = of.encoderBias().clone();
    float[] threshold = of.threshold().clone();
    for (int i = 0; i < of.width() * INPUTS; i++) {
      encoder.values()[i] /= (float) by;
      decoder.values()[i] *= (float) by;
    }
    for (int i = 0; i < of.width(); i++) {
      bias[i] /= (float) by;
      threshold[i] /= (float) by;
    }
    return new Dictionary(
        of.type(),
        of.sources(),
        of.k(),
        encoder,
        bias,
        decoder,
        of.decoderBias(),
        of.inputMean(),
        of.inputScale(),
        threshold);
  }

  /** What replicas are called decides nothing. */
  @ParameterizedTest
  @ValueSource(ints = {2, 3, 5})
  void replicasInAnotherOrderComeToTheSame(int count) {
    List<Dictionary> replicas = replicas(count, BatchTopK.TYPE, true);
    List<Dictionary> turned = new ArrayList<>(replicas.subList(1, count));
    turned.add(replicas.get(0));
    Dictionary one = merged(replicas, 2).dictionary();
    Dictionary other = merged(turned, 2).dictionary();
    assertThat(other.decoder()).isEqualTo(one.decoder());
    assertThat(other.encoder()).isEqualTo(one.encoder());
    assertThat(other.encoderBias()).isEqualTo(one.encoderBias());
    assertThat(other.decoderBias()).isEqualTo(one.decoderBias());
    assertThat(other.threshold()).isEqualTo(one.threshold());
  }
}
