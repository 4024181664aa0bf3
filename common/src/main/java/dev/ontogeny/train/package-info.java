/**
 * The loop that trains a bundle of dictionaries out of one stream of batches: where it starts
 * ({@link dev.ontogeny.train.InitialDictionary}), what it reads ({@link
 * dev.ontogeny.train.BatchStream}), how it steps, saves and stops ({@link
 * dev.ontogeny.train.Trainer}), and how good the result is ({@link dev.ontogeny.train.HeldOut}). No
 * Spark, no ND4J.
 */
package dev.ontogeny.train;
