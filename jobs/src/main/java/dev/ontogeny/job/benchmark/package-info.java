/**
 * How fast and how well one dictionary is trained on rows of a file: {@link
 * dev.ontogeny.job.benchmark.Benchmark}.
 */
package dev.ontogeny.job.benchmark;
