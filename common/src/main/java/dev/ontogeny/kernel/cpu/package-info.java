/**
 * The provider for processors: dense products by oneDNN or OpenBLAS, everything else sparsely with
 * SIMD, in arrays of Java. Its loops over rows serve statistics too ({@link
 * dev.ontogeny.kernel.cpu.RowLoops}, {@link dev.ontogeny.kernel.cpu.BlockMoments}). Each loop has a
 * plain twin ({@code Scalar…}).
 */
package dev.ontogeny.kernel.cpu;
