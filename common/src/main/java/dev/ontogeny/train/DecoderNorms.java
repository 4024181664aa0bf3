package dev.ontogeny.train;

import dev.ontogeny.data.DictionaryTables;
import dev.ontogeny.data.Folder;
import dev.ontogeny.data.PublishedFile;
import dev.ontogeny.data.TableWriter;
import dev.ontogeny.dictionary.Dictionary;
import dev.ontogeny.dictionary.Source;
import java.io.IOException;

/**
 * How present each latent of a crosscoder is in each of its sources: norms of its decoder blocks in
 * scaled units, in which sources are comparable, and how far their directions have turned from
 * where the norm is largest.
 */
public final class DecoderNorms {
  private DecoderNorms() {}

  /** Writes a row for each latent and source, latent by latent in the sources' order. */
  public static PublishedFile write(Folder folder, String path, String id, Dictionary dictionary)
      throws IOException {
    int sources = dictionary.sources().size();
    int[] starts = new int[sources + 1];
    for (int s = 0; s < sources; s++) {
      starts[s + 1] = starts[s] + dictionary.sources().get(s).width();
    }
    try (TableWriter writer = TableWriter.open(folder, path, DictionaryTables.DECODER_NORMS)) {
      double[] norms = new double[sources];
      for (int latent = 0; latent < dictionary.width(); latent++) {
        int peak = 0;
        for (int s = 0; s < sources; s++) {
          norms[s] = Math.sqrt(product(dictionary, latent, starts, s, s));
          peak = norms[s] > norms[peak] ? s : peak;
        }
        for (int s = 0; s < sources; s++) {
          Source source = dictionary.sources().get(s);
          boolean comparable =
              source.width() == dictionary.sources().get(peak).width() && norms[s] > 0;
          writer.write(
              id,
              latent,
              source.site(),
              source.checkpoint(),
              norms[s],
              norms[peak] > 0 ? (Double) (norms[s] / norms[peak]) : null,
              comparable
                  ? (Double) (product(dictionary, latent, starts, s, peak) / norms[s] / norms[peak])
                  : null);
        }
      }
      return writer.finish().ofDictionary(id);
    }
  }

  /** ⟨d_s, d_t⟩ of a latent. */
  private static double product(
      Dictionary dictionary, int latent, int[] starts, int source, int other) {
    double sum = 0;
    for (int i = 0; i < starts[source + 1] - starts[source]; i++) {
      sum +=
          (double) dictionary.decoder().at(latent, starts[source] + i)
              * dictionary.decoder().at(latent, starts[other] + i);
    }
    return sum;
  }
}
