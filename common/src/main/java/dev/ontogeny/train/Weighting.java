package dev.ontogeny.train;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import dev.ontogeny.matrix.FloatMatrix;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the sources of a crosscoder weigh in its loss; their mean is one. */
public enum Weighting {
  /** All alike, as in the papers. */
  UNIFORM,

  /**
   * Ours: checkpoints that hardly differ share one weight. With r(s, t) the correlation of two
   * sources over the tokens of a batch, Σ⟨x̃_s, x̃_t⟩ / √(Σ‖x̃_s‖² Σ‖x̃_t‖²), a source weighs 1 /
   * Σ_t max(0, r(s, t)): the weights of m equal sources sum to that of one.
   */
  NOVELTY;

  /** As settings write it. */
  @JsonValue
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The weights; none where all are alike.
   *
   * @param batch in captured units, of the dictionary's sources
   */
  public List<Double> of(Dictionary dictionary, FloatMatrix batch) {
    int sources = dictionary.sources().size();
    if (this == UNIFORM || sources == 1) {
      return List.of();
    }
    double[][] products = products(dictionary, batch);
    double[] weights = new double[sources];
    double sum = 0;
    for (int s = 0; s < sources; s++) {
      double shared = 0;
      for (int t = 0; t < sources; t++) {
        double scale = Math.sqrt(products[s][s] * products[t][t]);
        shared += s == t ? 1 : scale > 0 ? Math.max(0, products[s][t] / scale) : 0;
      }
      weights[s] = 1 / shared;
      sum += weights[s];
    }
    List<Double> normalised = new ArrayList<>();
    for (double weight : weights) {
      normalised.add(weight * sources / sum);
    }
    return normalised;
  }

  /** Σ⟨x̃_s, x̃_t⟩ over the rows, 0 for sources of different widths. */
  private static double[][] products(Dictionary dictionary, FloatMatrix batch) {
    List<Source> sources = dictionary.sources();
    float[] mean = dictionary.inputMean();
    double[][] products = new double[sources.size()][sources.size()];
    int at = 0;
    for (int s = 0; s < sources.size(); s++) {
      int width = sources.get(s).width();
      int other = 0;
      for (int t = 0; t < sources.size(); t++) {
        if (sources.get(t).width() == width) {
          for (int row = 0; row < batch.rows(); row++) {
            for (int i = 0; i < width; i++) {
              double x = batch.at(row, at + i) - mean[at + i];
              double y = batch.at(row, other + i) - mean[other + i];
              products[s][t] += x * y;
            }
          }
        }
        other += sources.get(t).width();
      }
      at += width;
    }
    return products;
  }
}
