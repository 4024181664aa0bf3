/**
 * The loop that trains a bundle of dictionaries out of one stream of batches. No Spark, no ND4J.
 */
package dev.ontogeny.train;
