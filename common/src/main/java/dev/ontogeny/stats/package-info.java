/**
 * Statistics that merge: associative, commutative, with an identity and a byte form. Nothing here
 * knows of clusters.
 *
 * <p>Two lists are what {@code measure} runs: {@link dev.ontogeny.stats.RowStatistics statistics of
 * rows}, whatever the dictionaries, and {@link dev.ontogeny.stats.FeatureBlock statistics of what
 * features do}. A new one is a class and a line.
 *
 * <p>Words: a <em>block of features</em> is a run of neighbouring features of one dictionary, the
 * unit in which statistics travel; an <em>address</em> is (shard, row) as one number; <em>codes by
 * feature</em> are the codes of a block of rows, turned so that all rows of a feature stand
 * together.
 *
 * <p>Counts, extremes, samples and histograms merge exactly, in any order. Sums of doubles merge
 * exactly up to rounding; whoever publishes them merges in the order of the row blocks, so that the
 * published bytes do not depend on the cluster.
 */
package dev.ontogeny.stats;
