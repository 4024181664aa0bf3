/**
 * The arithmetic of training and encoding dictionaries, and the only package that knows ND4J,
 * JavaCPP and SIMD. The boundary is a step or a batch, never a matrix product.
 */
package dev.ontogeny.kernel;
