package dev.ontogeny.stats;

/**
 * A statistic of some rows that becomes, with the statistic of other rows, that of both. Merging is
 * associative and commutative, and a fresh statistic is its identity.
 *
 * @param <S> itself
 */
public interface Mergeable<S extends Mergeable<S>> {
  /** Takes in what another has seen, which stays as it is. Both must have the same shape. */
  void merge(S other);

  /** Takes in what the bytes of another have seen. */
  void mergeFrom(StatisticInput in);

  /** Its bytes: a header (tag, version) and what was seen. Equal statistics give equal bytes. */
  void write(StatisticOutput out);

  /** The bytes as an array of their own. */
  default byte[] toBytes() {
    StatisticOutput out = new StatisticOutput();
    write(out);
    return out.toBytes();
  }
}
