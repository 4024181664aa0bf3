package dev.ontogeny.spark;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/** Iterates over what is made a list at a time, when it is asked for. */
public abstract class Batched<T> implements Iterator<T> {
  private Iterator<T> current = List.<T>of().iterator();

  /** The next list, possibly empty; null after the last. */
  protected abstract List<T> batch() throws Exception;

  @Override
  public boolean hasNext() {
    while (!current.hasNext()) {
      List<T> next;
      try {
        next = batch();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
      if (next == null) {
        return false;
      }
      current = next.iterator();
    }
    return true;
  }

  @Override
  public T next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return current.next();
  }
}
