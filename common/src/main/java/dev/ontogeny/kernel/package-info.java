/**
 * Arithmetic of dictionaries: what a kernel is asked for ({@link
 * dev.ontogeny.kernel.TrainingSpecification}, {@link dev.ontogeny.kernel.Sparsity}) and what it
 * gives. Providers have a package each and are found by {@link dev.ontogeny.kernel.Kernels}; none
 * knows another, and what they share is here.
 */
package dev.ontogeny.kernel;
