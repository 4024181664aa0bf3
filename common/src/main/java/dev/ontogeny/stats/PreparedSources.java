package dev.ontogeny.stats;

import dev.ontogeny.data.Moments;
import java.io.IOException;
import java.lang.ref.SoftReference;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * What statistics make of the moments of a source before they look at rows: once in a process, and
 * given up when memory runs short.
 */
final class PreparedSources<T> {
  private final Map<String, SoftReference<T>> prepared = new HashMap<>();

  /**
   * Of a source. One thread prepares, others wait for it.
   *
   * @param preparation null where there is nothing to prepare
   */
  synchronized T get(RowStatistic.Of of, Function<Moments, T> preparation) throws IOException {
    String key =
        of.dataset().folder().resolve(of.source().site()) + "\0" + of.source().checkpoint();
    SoftReference<T> reference = prepared.get(key);
    T known = reference == null ? null : reference.get();
    if (known == null) {
      known = preparation.apply(of.moments());
      prepared.put(key, new SoftReference<>(known));
    }
    return known;
  }
}
