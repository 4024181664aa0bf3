/**
 * Features are followed over checkpoints: {@link dev.ontogeny.job.evolve.Evolve} goes stage by
 * stage, each made of tasks that write their own files.
 */
package dev.ontogeny.job.evolve;
