package dev.ontogeny.stats;

import dev.ontogeny.data.CaptureFindings;
import java.util.Map;
import java.util.TreeMap;

/**
 * How positions lie in documents, for those with the smallest hashes (a bottom-k sketch, as {@link
 * DocumentSample}): how many tokens each has, its first and its last position. Exact for these
 * documents after merging; associative, commutative, with the empty sketch as identity. Byte form:
 * four lists in unsigned order of hashes.
 */
public final class DocumentSpans {
  /** Documents that are kept. */
  public static final int SIZE = 1024;

  private final TreeMap<Long, long[]> spans = new TreeMap<>(Long::compareUnsigned);
  private boolean full;

  /**
   * As it is stored.
   *
   * @param full whether a document was left out
   */
  public record Stored(boolean full, long[] hashes, long[] counts, long[] first, long[] last) {}

  /** Adds a token, which must not come twice. */
  public void add(long documentHash, int position) {
    add(documentHash, 1, position, position);
  }

  private void add(long hash, long count, long first, long last) {
    if (spans.size() == SIZE && Long.compareUnsigned(hash, spans.lastKey()) > 0) {
      full = true;
      return;
    }
    long[] span = spans.get(hash);
    if (span == null) {
      spans.put(hash, new long[] {count, first, last});
    } else {
      span[0] += count;
      span[1] = Math.min(span[1], first);
      span[2] = Math.max(span[2], last);
    }
    if (spans.size() > SIZE) {
      spans.pollLastEntry();
      full = true;
    }
  }

  /** Adds what another sketch has seen. */
  public void merge(Stored other) {
    full |= other.full();
    for (int i = 0; i < other.hashes().length; i++) {
      add(other.hashes()[i], other.counts()[i], other.first()[i], other.last()[i]);
    }
  }

  public Stored stored() {
    int size = spans.size();
    Stored stored =
        new Stored(full, new long[size], new long[size], new long[size], new long[size]);
    int at = 0;
    for (Map.Entry<Long, long[]> each : spans.entrySet()) {
      stored.hashes()[at] = each.getKey();
      stored.counts()[at] = each.getValue()[0];
      stored.first()[at] = each.getValue()[1];
      stored.last()[at++] = each.getValue()[2];
    }
    return stored;
  }

  /** What they tell. */
  public CaptureFindings.Documents findings() {
    long notFromZero = spans.values().stream().filter(span -> span[1] > 0).count();
    long withGaps = spans.values().stream().filter(span -> span[2] - span[1] + 1 > span[0]).count();
    return new CaptureFindings.Documents(documents(), spans.size(), notFromZero, withGaps);
  }

  /** By how near to 0 the last hash lies that is kept. */
  private long documents() {
    if (!full) {
      return spans.size();
    }
    double place = ((spans.lastKey() >>> 1) + 0.5) / 0x1p63;
    return Math.max(spans.size(), Math.round((spans.size() - 1) / place));
  }
}
