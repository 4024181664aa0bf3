package dev.ontogeny.spark;

import java.io.IOException;
import java.lang.ref.SoftReference;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What tasks of a process have read or made, for those that come after; given up when memory runs
 * short. Two that ask at once may both make it, so what is made must be the same for a key and must
 * not be changed.
 */
public final class ProcessCache<T> {
  private final Map<String, SoftReference<T>> kept = new ConcurrentHashMap<>();

  /** Makes what is not there. */
  @FunctionalInterface
  public interface Maker<T> {
    /** Null where there is none, which is not remembered. */
    T make() throws IOException;
  }

  /** What a key stands for; null if the maker gives none. */
  public T get(String key, Maker<T> maker) throws IOException {
    SoftReference<T> reference = kept.get(key);
    T there = reference == null ? null : reference.get();
    if (there == null) {
      there = maker.make();
      if (there != null) {
        kept.put(key, new SoftReference<>(there));
      }
    }
    return there;
  }
}
