package dev.ontogeny.stats;

import dev.ontogeny.data.TokenBlock;
import dev.ontogeny.data.TokenBlock.Token;
import java.io.Serializable;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What all tasks need to know of the tokens of a dataset: its vocabulary, the values of its labels
 * with their rows, and where blocks begin in the order of tokens. Grows with the vocabulary and the
 * labels' values, each up to a limit, and with the number of runs of rows, not with rows.
 */
public final class TokenSummary implements Serializable {
  private static final long serialVersionUID = 1;

  private final int maximumVocabulary;
  private final int maximumLabelValues;
  private final HashSet<Token> tokens = new HashSet<>();
  private final TreeMap<Integer, HashMap<String, Long>> labels = new TreeMap<>();
  private final HashSet<Integer> unboundedLabels = new HashSet<>();
  private final HashMap<Integer, long[]> firstHashes = new HashMap<>();
  private boolean unboundedVocabulary;

  /** Of one block. */
  public static TokenSummary of(TokenBlock block, int maximumVocabulary, int maximumLabelValues) {
    TokenSummary summary = new TokenSummary(maximumVocabulary, maximumLabelValues);
    if (block.tokens() != null) {
      summary.add(new HashSet<>(Arrays.asList(block.tokens())));
    }
    for (int label = 0; label < block.labelOf().length; label++) {
      Map<String, Long> counts = new HashMap<>();
      for (int value : block.labelOf()[label]) {
        if (value >= 0) {
          counts.merge(block.labelValues()[label][value], 1L, Long::sum);
        }
      }
      summary.add(label, counts);
    }
    long[] hashes = new long[block.block().runs().size()];
    int at = 0;
    for (int run = 0; run < hashes.length; run++) {
      hashes[run] = block.hashes()[at];
      at += block.block().runs().get(run).count();
    }
    summary.firstHashes.put(block.block().index(), hashes);
    return summary;
  }

  private TokenSummary(int maximumVocabulary, int maximumLabelValues) {
    this.maximumVocabulary = maximumVocabulary;
    this.maximumLabelValues = maximumLabelValues;
  }

  private void add(Set<Token> more) {
    tokens.addAll(more);
    unboundedVocabulary |= tokens.size() > maximumVocabulary;
    if (unboundedVocabulary) {
      tokens.clear();
    }
  }

  private void add(int label, Map<String, Long> more) {
    Map<String, Long> counts = labels.computeIfAbsent(label, none -> new HashMap<>());
    more.forEach((value, rows) -> counts.merge(value, rows, Long::sum));
    if (counts.size() > maximumLabelValues) {
      unboundedLabels.add(label);
    }
    if (unboundedLabels.contains(label)) {
      counts.clear();
    }
  }

  /** Takes in another's blocks. */
  public TokenSummary merge(TokenSummary other) {
    unboundedVocabulary |= other.unboundedVocabulary;
    unboundedLabels.addAll(other.unboundedLabels);
    add(other.tokens);
    other.labels.forEach(this::add);
    firstHashes.putAll(other.firstHashes);
    return this;
  }

  /** Whether there are more different tokens than allowed; then none are kept. */
  public boolean vocabularyIsUnbounded() {
    return unboundedVocabulary;
  }

  /** The different tokens, sorted. */
  public Token[] vocabulary() {
    return tokens.stream().sorted().toArray(Token[]::new);
  }

  /** Whether a label has more different values than allowed; then none are kept. */
  public boolean labelIsUnbounded(int label) {
    return unboundedLabels.contains(label);
  }

  /** The values of a label, sorted, with the number of rows that have them. */
  public SortedMap<String, Long> labelValues(int label) {
    return new TreeMap<>(labels.getOrDefault(label, new HashMap<>()));
  }

  /** The hash of the first row of each run of a block. */
  public long[] firstHashes(int block) {
    return firstHashes.get(block);
  }
}
