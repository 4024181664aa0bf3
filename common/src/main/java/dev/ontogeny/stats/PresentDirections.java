package dev.ontogeny.stats;

import dev.ontogeny.dictionary.Dictionary;

/**
 * Along which direction to look for a feature of a crosscoder at each of its sources: its own
 * decoder there, if its norm is at least half of the greatest at the site; otherwise that of the
 * nearest checkpoint of the site of which this is true, the later of two, since next to nothing has
 * no direction. Norms are those of scaled units, in which sources are comparable.
 *
 * <p>Minder et al. (arXiv 2504.02922) look along the decoder of the model in which a feature is
 * present; with many checkpoints that is the nearest such, for directions go on turning.
 */
public final class PresentDirections {
  /** Norm relative to the greatest at the site from which a feature has a direction of its own. */
  static final double PRESENT = 0.5;

  private final int first;
  private final int sources;
  private final int[] source;
  private final double[] square;
  private final double[] product;

  /**
   * Of the features {@code from .. to} of a dictionary. Memory: 20 bytes for each and every source.
   */
  public PresentDirections(Dictionary dictionary, int from, int to) {
    this.first = from;
    this.sources = dictionary.sources().size();
    source = new int[(to - from) * sources];
    square = new double[source.length];
    product = new double[source.length];
    int[] columns = dictionary.sourceColumns();
    double[] squares = new double[sources];
    for (int feature = from; feature < to; feature++) {
      for (int s = 0; s < sources; s++) {
        squares[s] = product(dictionary, feature, columns, s, s);
      }
      for (int s = 0; s < sources; s++) {
        int at = place(feature, s);
        source[at] = nearestPresent(dictionary, squares, s);
        square[at] = squares[source[at]];
        product[at] =
            source[at] == s ? squares[s] : product(dictionary, feature, columns, s, source[at]);
      }
    }
  }

  private static double product(
      Dictionary dictionary, int feature, int[] columns, int source, int other) {
    float[] decoder = dictionary.decoder().values();
    int row = feature * dictionary.inputs();
    double sum = 0;
    for (int i = 0; i < columns[source + 1] - columns[source]; i++) {
      sum += (double) decoder[row + columns[source] + i] * decoder[row + columns[other] + i];
    }
    return sum;
  }

  private static int nearestPresent(Dictionary dictionary, double[] squares, int source) {
    String site = dictionary.sources().get(source).site();
    double greatest = 0;
    for (int s = 0; s < squares.length; s++) {
      if (dictionary.sources().get(s).site().equals(site)) {
        greatest = Math.max(greatest, squares[s]);
      }
    }
    double least = PRESENT * PRESENT * greatest;
    for (int distance = 0; distance < squares.length; distance++) {
      for (int s : new int[] {source + distance, source - distance}) {
        if (s >= 0
            && s < squares.length
            && squares[s] >= least
            && dictionary.sources().get(s).site().equals(site)) {
          return s;
        }
      }
    }
    throw new IllegalStateException("no decoder of the site is as long as its longest");
  }

  private int place(int feature, int atSource) {
    return (feature - first) * sources + atSource;
  }

  /** The source q whose decoder stands for a feature at a source. */
  public int source(int feature, int atSource) {
    return source[place(feature, atSource)];
  }

  /** ‖d_q‖². */
  public double square(int feature, int atSource) {
    return square[place(feature, atSource)];
  }

  /** ⟨d_q, d_s⟩ with the feature's own decoder at the source. */
  double product(int feature, int atSource) {
    return product[place(feature, atSource)];
  }
}
