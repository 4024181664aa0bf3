package dev.ontogeny.kernel.cuda;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.util.Set;

/**
 * What is asked of CUDA's driver, by the names of its C interface; each answers 0 if it went well.
 */
interface Driver extends Library {
  /** Names that have had another meaning once, and end with a version. */
  Set<String> SECOND_VERSIONS =
      Set.of(
          "cuMemGetInfo",
          "cuMemAlloc",
          "cuMemFree",
          "cuMemcpyHtoDAsync",
          "cuMemcpyDtoHAsync",
          "cuStreamDestroy",
          "cuEventDestroy",
          "cuStreamBeginCapture");

  int cuInit(int flags);

  int cuDeviceGetCount(IntByReference count);

  int cuDeviceGet(IntByReference device, int number);

  int cuDeviceGetName(byte[] name, int length, int device);

  int cuDeviceGetAttribute(IntByReference value, int attribute, int device);

  int cuDevicePrimaryCtxRetain(PointerByReference context, int device);

  int cuCtxSetCurrent(Pointer context);

  int cuMemGetInfo(LongByReference free, LongByReference total);

  int cuMemAlloc(PointerByReference memory, long bytes);

  int cuMemFree(Pointer memory);

  int cuMemHostAlloc(PointerByReference memory, long bytes, int flags);

  int cuMemFreeHost(Pointer memory);

  int cuMemcpyHtoDAsync(Pointer to, Pointer from, long bytes, Pointer stream);

  int cuMemcpyDtoHAsync(Pointer to, Pointer from, long bytes, Pointer stream);

  int cuMemsetD8Async(Pointer to, byte value, long bytes, Pointer stream);

  int cuStreamCreate(PointerByReference stream, int flags);

  int cuStreamDestroy(Pointer stream);

  int cuStreamSynchronize(Pointer stream);

  int cuStreamWaitEvent(Pointer stream, Pointer event, int flags);

  int cuEventCreate(PointerByReference event, int flags);

  int cuEventRecord(Pointer event, Pointer stream);

  int cuEventDestroy(Pointer event);

  int cuStreamBeginCapture(Pointer stream, int mode);

  int cuStreamEndCapture(Pointer stream, PointerByReference graph);

  int cuGraphInstantiateWithFlags(PointerByReference executable, Pointer graph, long flags);

  int cuGraphLaunch(Pointer executable, Pointer stream);

  int cuGraphExecDestroy(Pointer executable);

  int cuGraphDestroy(Pointer graph);

  int cuModuleLoadData(PointerByReference module, Pointer code);

  int cuModuleGetFunction(PointerByReference function, Pointer module, String name);

  int cuLaunchKernel(
      Pointer function,
      int gridX,
      int gridY,
      int gridZ,
      int blockX,
      int blockY,
      int blockZ,
      int shared,
      Pointer stream,
      Pointer arguments,
      Pointer extra);

  int cuGetErrorString(int status, PointerByReference words);
}
