/**
 * Dictionaries are measured over the dataset: {@link dev.ontogeny.job.measure.Measure} encodes
 * every row once and reduces codes feature by feature.
 */
package dev.ontogeny.job.measure;
