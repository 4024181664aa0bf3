package dev.ontogeny.kernel.cuda;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;

/**
 * What is asked of CUDA's compiler, by the names of its C interface; each answers 0 if it went
 * well.
 */
interface Nvrtc extends Library {
  int nvrtcGetNumSupportedArchs(IntByReference count);

  int nvrtcGetSupportedArchs(int[] generations);

  int nvrtcCreateProgram(
      PointerByReference program,
      Pointer source,
      String name,
      int headers,
      Pointer headerSources,
      Pointer headerNames);

  int nvrtcCompileProgram(Pointer program, int count, String[] options);

  int nvrtcGetProgramLogSize(Pointer program, LongByReference size);

  int nvrtcGetProgramLog(Pointer program, byte[] log);

  int nvrtcGetCUBINSize(Pointer program, LongByReference size);

  int nvrtcGetCUBIN(Pointer program, Pointer code);

  int nvrtcGetPTXSize(Pointer program, LongByReference size);

  int nvrtcGetPTX(Pointer program, Pointer code);

  int nvrtcDestroyProgram(PointerByReference program);

  String nvrtcGetErrorString(int status);
}
