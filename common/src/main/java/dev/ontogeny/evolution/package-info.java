/** What happens to features across checkpoints: tracks, births, peaks, deaths, lineage, phases. */
package dev.ontogeny.evolution;
