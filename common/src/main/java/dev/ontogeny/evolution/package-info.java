/**
 * What happens to features across training checkpoints. A <em>series</em> is a set of dictionaries
 * over checkpoints, a <em>track</em> one feature followed through it. From tracks come events
 * (birth, peak, death, class), from pairs of neighbouring checkpoints lineage, from all tracks
 * together curves and phases. Pure: arrays go in, arrays come out; files and Spark are elsewhere.
 */
package dev.ontogeny.evolution;
