package dev.ontogeny.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.ontogeny.data.DatasetFixture;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.Moments;
import dev.ontogeny.data.RowBlock;
import dev.ontogeny.data.ShardedDataset;
import dev.ontogeny.data.VectorReader;
import dev.ontogeny.demo.PlantedActivations;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.kernel.Kernels;
import dev.ontogeny.matrix.FloatMatrix;
import dev.ontogeny.type.BatchTopK;
import dev.ontogeny.type.DictionaryType;
import dev.ontogeny.type.JumpRelu;
import dev.ontogeny.type.Relu;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Crosscoders against the formulas, one row and one feature at a time. */
class BlockEncoderTest {
  private static final int D = 10;
  private static final int WIDTH = 14;
  private static final List<Long> CHECKPOINTS = List.of(0L, 200L, 400L, 500L);

  @TempDir private static Path folder;
  private static ShardedDataset dataset;

  @BeforeAll
  static void publish() throws IOException {
    dataset =
        DatasetFixture.publish(
            Folder.of(folder.toString()),
            new PlantedActivations(PlantedActivations.Plan.of(2, D, 12, 6)),
            12,
            2);
  }

  /** Latent 0 has no decoder at the first source, latent 1 at the last two, latent 2 nowhere. */
  private static Dictionary dictionary(DictionaryType type) throws IOException {
    Random random = new Random(4);
    List<Source> sources = new ArrayList<>();
    int inputs = D * CHECKPOINTS.size();
    float[] mean = new float[inputs];
    float[] scale = new float[CHECKPOINTS.size()];
    for (int s = 0; s < scale.length; s++) {
      sources.add(new Source(DatasetFixture.SITE, CHECKPOINTS.get(s), D));
      Moments moments = dataset.moments(DatasetFixture.SITE, CHECKPOINTS.get(s));
      for (int i = 0; i < D; i++) {
        mean[s * D + i] = (float) moments.mean()[i];
      }
      scale[s] = 0.5f + s;
    }
    FloatMatrix encoder = FloatMatrix.zeros(inputs, WIDTH);
    FloatMatrix decoder = FloatMatrix.zeros(WIDTH, inputs);
    float[] decoderBias = new float[inputs];
    for (int i = 0; i < inputs; i++) {
      decoderBias[i] = (float) random.nextGaussian() / 10;
      for (int f = 0; f < WIDTH; f++) {
        int s = i / D;
        boolean none = (f == 0 && s == 0) || (f == 1 && s >= 2) || f == 2;
        encoder.values()[i * WIDTH + f] = (float) random.nextGaussian() / 4;
        decoder.values()[f * inputs + i] =
            none ? 0 : (float) random.nextGaussian() * (s + 1 + f % 3) / 8;
      }
    }
    float[] threshold = new float[type.activation().tensors().isEmpty() ? 0 : WIDTH];
    Arrays.fill(threshold, 0.4f);
    return new Dictionary(
        type, sources, 0, encoder, new float[WIDTH], decoder, decoderBias, mean, scale, threshold);
  }

  static List<DictionaryType> types() {
    return List.of(BatchTopK.TYPE, Relu.TYPE, JumpRelu.BY_SOURCE);
  }

  @ParameterizedTest
  @MethodSource("types")
  void codesAreTheSameWhereNothingElseIsWanted(DictionaryType type) throws IOException {
    Dictionary dictionary = dictionary(type);
    RowBlock block = RowBlock.cut(dataset, 10_000).get(0);
    try (BlockEncoder encoder =
        new BlockEncoder(
            Kernels.provider("reference", 1),
            List.of(dictionary, dictionary),
            100,
            new byte[0],
            0)) {
      encoder.codesOnly(1);
      List<BlockEncoder.Encoded> views = encoder.encode(dataset, block);
      int each = views.size() / 2;
      assertThat(each).isPositive();
      for (int view = 0; view < each; view++) {
        assertThat(bytes(views.get(each + view))).isEqualTo(bytes(views.get(view)));
        assertThat(views.get(view).statistics().get(0).fvu()).isPositive();
        assertThat(views.get(each + view).statistics().get(0).fvu()).isNaN();
      }
    }
  }

  private static byte[] bytes(BlockEncoder.Encoded encoded) {
    StatisticOutput out = new StatisticOutput();
    encoded.codes().write(out);
    return out.toBytes();
  }

  @ParameterizedTest
  @MethodSource("types")
  void sourcesOfACrosscoderAreJudgedAsTheFormulasSay(DictionaryType type) throws IOException {
    Dictionary dictionary = dictionary(type);
    Twin twin = new Twin(dictionary);
    List<RowBlock> blocks = RowBlock.cut(dataset, 10_000);
    List<BlockEncoder.Encoded> encoded = new ArrayList<>();
    for (RowBlock block : blocks) {
      try (BlockEncoder encoder =
          new BlockEncoder(
              Kernels.provider("reference", 1), List.of(dictionary), 100, new byte[0], 0)) {
        List<BlockEncoder.Encoded> views = encoder.encode(dataset, block);
        assertThat(views).hasSize(type.activation().bySource() ? CHECKPOINTS.size() : 1);
        for (int view = 0; view < views.size(); view++) {
          if (encoded.size() == view) {
            encoded.add(views.get(view));
          } else {
            encoded.get(view).scaling().merge(views.get(view).scaling());
            for (int s = 0; s < encoded.get(view).statistics().size(); s++) {
              encoded.get(view).statistics().get(s).merge(views.get(view).statistics().get(s));
            }
          }
        }
      }
    }
    PresentDirections directions = new PresentDirections(dictionary, 0, WIDTH);
    for (int s = 0; s < CHECKPOINTS.size(); s++) {
      boolean own = type.activation().bySource();
      BlockEncoder.Encoded view = encoded.get(own ? s : 0);
      int place = own ? 0 : s;
      assertThat(view.statistics().get(place).fvu()).isCloseTo(twin.fvu(s), within(1e-4));
      assertThat(view.statistics().get(place).l0()).isCloseTo(twin.l0(s), within(1e-9));
      for (int f = 0; f < WIDTH; f++) {
        int q = directions.source(f, s);
        assertThat(q).as("feature %d at %d", f, s).isEqualTo(twin.direction(f, s));
        double square = directions.square(f, s);
        double[] expected = twin.scaling(f, s, q);
        if (f == 2) {
          assertThat(view.scaling().error(f, place, square)).isNaN();
        } else {
          assertThat(view.scaling().error(f, place, square)).isCloseTo(expected[0], within(2e-4));
          assertThat(view.scaling().reconstruction(f, place, square))
              .isCloseTo(expected[1], within(2e-4));
          assertThat(view.scaling().own(f, place, square)).isCloseTo(expected[2], within(2e-4));
        }
      }
    }
  }

  @Test
  void partsOfScalingAreThoseOfTheirFeaturesAndSources() {
    LatentScaling all = new LatentScaling(5, 3);
    for (int f = 0; f < 5; f++) {
      all.add(f, 2);
      for (int s = 0; s < 3; s++) {
        all.add(f, s, 10 * f + s, -f * s, f - s);
      }
    }
    LatentScaling part = all.part(1, 3, 1, 2);
    for (int f = 0; f < 3; f++) {
      for (int s = 0; s < 2; s++) {
        assertThat(part.error(f, s, 1)).isEqualTo(all.error(f + 1, s + 1, 1));
        assertThat(part.reconstruction(f, s, 1)).isEqualTo(all.reconstruction(f + 1, s + 1, 1));
        assertThat(part.own(f, s, 1)).isEqualTo(all.own(f + 1, s + 1, 1));
      }
    }
  }

  /** All rows by the formulas, in doubles. */
  private static final class Twin {
    final Dictionary dictionary;
    final List<double[]> scaled = new ArrayList<>();
    final List<double[]> codes = new ArrayList<>();

    Twin(Dictionary dictionary) throws IOException {
      this.dictionary = dictionary;
      for (int shard = 0; shard < dataset.summary().shards(); shard++) {
        FloatMatrix x = FloatMatrix.zeros((int) dataset.rows(shard), dictionary.inputs());
        for (int s = 0; s < CHECKPOINTS.size(); s++) {
          try (VectorReader reader =
              dataset.vectors(DatasetFixture.SITE, CHECKPOINTS.get(s), shard)) {
            assertThat(reader.read(x, 0, x.rows(), s * D)).isEqualTo(x.rows());
          }
        }
        for (int r = 0; r < x.rows(); r++) {
          double[] row = new double[x.columns()];
          for (int i = 0; i < row.length; i++) {
            row[i] =
                ((double) x.at(r, i) - dictionary.inputMean()[i]) * dictionary.inputScale()[i / D];
          }
          scaled.add(row);
          codes.add(code(row));
        }
      }
    }

    /** The shared pre-activations, where positive. */
    private double[] code(double[] row) {
      double[] code = new double[WIDTH];
      for (int f = 0; f < WIDTH; f++) {
        for (int i = 0; i < row.length; i++) {
          code[f] += (row[i] - dictionary.decoderBias()[i]) * dictionary.encoder().at(i, f);
        }
        boolean fires = false;
        for (int s = 0; s < CHECKPOINTS.size(); s++) {
          fires |= open(code[f], f, s);
        }
        code[f] = fires ? code[f] : 0;
      }
      return code;
    }

    boolean open(double code, int f, int s) {
      return switch (dictionary.type().activation()) {
        case ABOVE_THRESHOLD_BY_SOURCE -> code * norm(f, s) > dictionary.threshold()[f];
        case ABOVE_THRESHOLD -> code > dictionary.threshold()[f];
        default -> code > 0;
      };
    }

    double norm(int f, int s) {
      return Math.sqrt(dot(decoder(f, s), decoder(f, s)));
    }

    double[] decoder(int f, int s) {
      double[] vector = new double[D];
      for (int i = 0; i < D; i++) {
        vector[i] = dictionary.decoder().at(f, s * D + i);
      }
      return vector;
    }

    static double dot(double[] a, double[] b) {
      double sum = 0;
      for (int i = 0; i < a.length; i++) {
        sum += a[i] * b[i];
      }
      return sum;
    }

    double[] input(int row, int s) {
      return Arrays.copyOfRange(scaled.get(row), s * D, (s + 1) * D);
    }

    /** Without the contribution of a feature, or with all for -1. */
    double[] reconstruction(int row, int s, int without) {
      double[] y = new double[D];
      for (int i = 0; i < D; i++) {
        y[i] = dictionary.decoderBias()[s * D + i];
        for (int f = 0; f < WIDTH; f++) {
          double code = codes.get(row)[f];
          y[i] += f != without && open(code, f, s) ? code * decoder(f, s)[i] : 0;
        }
      }
      return y;
    }

    double fvu(int s) {
      double[] mean = new double[D];
      for (int row = 0; row < scaled.size(); row++) {
        for (int i = 0; i < D; i++) {
          mean[i] += input(row, s)[i] / scaled.size();
        }
      }
      double error = 0;
      double total = 0;
      for (int row = 0; row < scaled.size(); row++) {
        double[] y = reconstruction(row, s, -1);
        for (int i = 0; i < D; i++) {
          error += Math.pow(input(row, s)[i] - y[i], 2);
          total += Math.pow(input(row, s)[i] - mean[i], 2);
        }
      }
      return error / total;
    }

    double l0(int s) {
      long active = 0;
      for (double[] code : codes) {
        for (int f = 0; f < WIDTH; f++) {
          active += open(code[f], f, s) ? 1 : 0;
        }
      }
      return (double) active / codes.size();
    }

    /** The nearest source with at least half of the greatest norm, the later of two. */
    int direction(int f, int s) {
      double greatest = 0;
      for (int u = 0; u < CHECKPOINTS.size(); u++) {
        greatest = Math.max(greatest, norm(f, u));
      }
      int best = -1;
      for (int u = CHECKPOINTS.size() - 1; u >= 0; u--) {
        if (norm(f, u) >= 0.5 * greatest && (best < 0 || Math.abs(u - s) < Math.abs(best - s))) {
          best = u;
        }
      }
      return best;
    }

    /** The three β by least squares. */
    double[] scaling(int f, int s, int q) {
      double[] direction = decoder(f, q);
      double error = 0;
      double reconstruction = 0;
      double own = 0;
      double squares = 0;
      for (int row = 0; row < codes.size(); row++) {
        double code = codes.get(row)[f];
        double[] left = input(row, s);
        double[] others = reconstruction(row, s, f);
        for (int i = 0; i < D; i++) {
          left[i] -= others[i];
        }
        error += code * dot(direction, left);
        reconstruction += code * dot(direction, reconstruction(row, s, -1));
        own += open(code, f, s) ? code * code * dot(direction, decoder(f, s)) : 0;
        squares += code * code * dot(direction, direction);
      }
      return new double[] {error / squares, reconstruction / squares, own / squares};
    }
  }
}
