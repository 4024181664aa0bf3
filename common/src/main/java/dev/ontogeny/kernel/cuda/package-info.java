/**
 * Arithmetic on GPUs by kernels of ours ({@code step.cu}, compiled where it runs) and cuBLASLt.
 * CUDA is called through its C interfaces ({@link dev.ontogeny.kernel.cuda.Driver}, {@link
 * dev.ontogeny.kernel.cuda.Nvrtc}, {@link dev.ontogeny.kernel.cuda.CublasLt}) as the machine has
 * it.
 */
package dev.ontogeny.kernel.cuda;
