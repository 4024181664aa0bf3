package dev.ontogeny.job.evolve;

/** What a column holds where a number says that there is none. */
final class ColumnValue {
  private ColumnValue() {}

  /** A value; null where it is none. */
  static Double number(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** The checkpoint of a place; null for a place before the first. */
  static Long checkpoint(long[] checkpoints, int index) {
    return index < 0 ? null : checkpoints[index];
  }
}
