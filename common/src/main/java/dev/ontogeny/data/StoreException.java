package dev.ontogeny.data;

import java.io.IOException;

/**
 * A store did not give what was asked of it: a time-out, a broken connection, throttling, missing
 * rights. Whatever was being read may be in perfect order.
 */
public final class StoreException extends IOException {
  private static final long serialVersionUID = 1;

  StoreException(String location, Exception cause) {
    super(location + ": " + cause.getClass().getSimpleName() + ": " + cause.getMessage(), cause);
  }

  /** The first among an exception and its causes, null if there is none. */
  static StoreException in(Throwable thrown) {
    Throwable at = thrown;
    for (int depth = 0; at != null && depth < 50; depth++, at = at.getCause()) {
      if (at instanceof StoreException store) {
        return store;
      }
    }
    return null;
  }
}
