/**
 * Sparse probing: how well a few features of a dictionary tell the labels of a capture. Examples
 * are documents, or tokens where a label varies within documents; they are drawn by the smallest
 * hashes, so that the same are drawn whatever the cluster, and what a task holds depends on the
 * settings alone. Nothing here knows of clusters.
 *
 * <p>Words: a <em>class</em> is a value of a label, numbered over all labels as {@link
 * dev.ontogeny.stats.LabelValues#offset} has it; a <em>probe</em> tells the examples of one class
 * from as many of the label's other classes.
 */
package dev.ontogeny.probing;
