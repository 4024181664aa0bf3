package dev.ontogeny.stats;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Rows per document for a fixed number of documents, drawn by the smallest hashes (a bottom-k
 * sketch). A document among the smallest of all is among the smallest wherever it occurs, so its
 * count is exact after merging: associative, commutative, with the empty sample as identity. Byte
 * form: two lists, hashes in unsigned order and counts.
 */
public final class DocumentSample {
  /** Documents that are kept. */
  public static final int SIZE = 1024;

  private final TreeMap<Long, Long> counts = new TreeMap<>(Long::compareUnsigned);
  private long rows;

  /**
   * As it is stored.
   *
   * @param rows of all documents, kept or not
   */
  public record Stored(long rows, long[] hashes, long[] counts) {}

  /** Adds a row of a document. */
  public void add(long documentHash) {
    rows++;
    add(documentHash, 1);
  }

  private void add(long hash, long count) {
    if (counts.size() == SIZE && Long.compareUnsigned(hash, counts.lastKey()) > 0) {
      return;
    }
    counts.merge(hash, count, Long::sum);
    if (counts.size() > SIZE) {
      counts.pollLastEntry();
    }
  }

  /** Adds what another sample has seen. */
  public void merge(Stored other) {
    rows += other.rows();
    for (int i = 0; i < other.hashes().length; i++) {
      add(other.hashes()[i], other.counts()[i]);
    }
  }

  public Stored stored() {
    long[] hashes = new long[counts.size()];
    long[] values = new long[counts.size()];
    int at = 0;
    for (Map.Entry<Long, Long> entry : counts.entrySet()) {
      hashes[at] = entry.getKey();
      values[at++] = entry.getValue();
    }
    return new Stored(rows, hashes, values);
  }

  /**
   * The share of neighbouring rows of one document in a random order, Σ n² / (Σ n)²: exact up to
   * {@value #SIZE} documents, beyond that the ratio Σ n² / Σ n is the sample's.
   */
  public double expectedNeighbours() {
    double squares = 0;
    double sum = 0;
    for (long count : counts.values()) {
      squares += (double) count * count;
      sum += count;
    }
    return rows == 0 ? 0 : squares / sum / rows;
  }

  @Override
  public String toString() {
    return rows + " rows, " + Arrays.toString(stored().counts());
  }
}
