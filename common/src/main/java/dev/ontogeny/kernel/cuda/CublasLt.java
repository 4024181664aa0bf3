package dev.ontogeny.kernel.cuda;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.FloatByReference;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;

/** What is asked of cuBLASLt, by the names of its C interface; each answers 0 if it went well. */
interface CublasLt extends Library {
  /** Types of numbers: {@code CUDA_R_32F}, {@code CUDA_R_16BF}. */
  int FP32 = 0;

  int BF16 = 14;

  /** {@code CUBLAS_COMPUTE_32F}. */
  int SUMS_IN_FP32 = 68;

  /** {@code CUBLASLT_MATMUL_DESC_TRANSA}, and {@code CUBLAS_OP_T} for it. */
  int TRANSPOSE_FIRST = 3;

  int TRANSPOSED = 1;

  int cublasLtCreate(PointerByReference handle);

  int cublasLtMatmulDescCreate(PointerByReference product, int sums, int scale);

  int cublasLtMatmulDescSetAttribute(
      Pointer product, int attribute, IntByReference value, long size);

  int cublasLtMatmulDescDestroy(Pointer product);

  int cublasLtMatrixLayoutCreate(
      PointerByReference layout, int type, long rows, long columns, long stride);

  int cublasLtMatrixLayoutDestroy(Pointer layout);

  int cublasLtMatmul(
      Pointer handle,
      Pointer product,
      FloatByReference alpha,
      Pointer first,
      Pointer firstLayout,
      Pointer second,
      Pointer secondLayout,
      FloatByReference beta,
      Pointer added,
      Pointer addedLayout,
      Pointer result,
      Pointer resultLayout,
      Pointer algorithm,
      Pointer workspace,
      long workspaceBytes,
      Pointer stream);
}
