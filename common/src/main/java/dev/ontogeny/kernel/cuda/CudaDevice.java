package dev.ontogeny.kernel.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import dev.ontogeny.run.Failure;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A GPU with the kernels of {@code step.cu}, compiled for it once per process. */
final class CudaDevice {
  /** Threads of a block, where it can have so many. */
  private static final int THREADS = 256;

  /** The first generation whose products take bf16. */
  private static final int FIRST_GENERATION = 80;

  private static final int OUT_OF_MEMORY = 2;
  private static final int THREADS_OF_BLOCK = 1;
  private static final int GENERATION_MAJOR = 75;
  private static final int GENERATION_MINOR = 76;

  private record Key(CudaLibraries libraries, int number) {}

  private static final Map<Key, CudaDevice> OPEN = new ConcurrentHashMap<>();

  final CudaLibraries libraries;
  final Pointer products;

  /** Of every block. */
  final int threads;

  private final String name;
  private final int generation;
  private final Pointer context;
  private final Pointer module;
  private final Map<String, Pointer> kernels = new HashMap<>();

  /**
   * The device with that number.
   *
   * @throws Failure of settings where it is not there or too old
   */
  static CudaDevice of(CudaLibraries libraries, int number) {
    return OPEN.computeIfAbsent(
        new Key(libraries, number), key -> new CudaDevice(libraries, number));
  }

  private CudaDevice(CudaLibraries libraries, int number) {
    this.libraries = libraries;
    Driver driver = libraries.driver;
    check(driver.cuInit(0), "starts");
    IntByReference value = new IntByReference();
    check(driver.cuDeviceGetCount(value), "counts devices");
    if (number >= value.getValue()) {
      throw Failure.settings(
          "CUDA has %d devices here, and not number %d", value.getValue(), number);
    }
    check(driver.cuDeviceGet(value, number), "takes a device");
    int device = value.getValue();
    byte[] words = new byte[256];
    check(driver.cuDeviceGetName(words, words.length, device), "names a device");
    name = Native.toString(words);
    check(driver.cuDeviceGetAttribute(value, GENERATION_MAJOR, device), "describes a device");
    int major = value.getValue();
    check(driver.cuDeviceGetAttribute(value, GENERATION_MINOR, device), "describes a device");
    generation = 10 * major + value.getValue();
    check(driver.cuDeviceGetAttribute(value, THREADS_OF_BLOCK, device), "describes a device");
    threads = Math.min(THREADS, value.getValue());
    if (generation < FIRST_GENERATION) {
      throw Failure.settings(
          "GPU %d (%s) is of compute capability %d.%d, and kernel cuda is for 8.0 and later: take nd4j",
          number, name, major, generation % 10);
    }
    PointerByReference pointer = new PointerByReference();
    check(driver.cuDevicePrimaryCtxRetain(pointer, device), "opens a device");
    context = pointer.getValue();
    use();
    Memory code = compiled();
    check(driver.cuModuleLoadData(pointer, code), "loads kernels");
    module = pointer.getValue();
    checkProducts(libraries.products.cublasLtCreate(pointer));
    products = pointer.getValue();
  }

  /** Puts the calls of this thread on the device. */
  void use() {
    check(libraries.driver.cuCtxSetCurrent(context), "takes a device");
  }

  String name() {
    return name + ", sm_" + generation;
  }

  /** Bytes that nobody has. */
  long free() {
    LongByReference free = new LongByReference();
    LongByReference total = new LongByReference();
    check(libraries.driver.cuMemGetInfo(free, total), "tells its memory");
    return free.getValue();
  }

  /** A kernel of {@code step.cu}. */
  synchronized Pointer kernel(String kernel) {
    return kernels.computeIfAbsent(
        kernel,
        missing -> {
          PointerByReference function = new PointerByReference();
          check(libraries.driver.cuModuleGetFunction(function, module, missing), "has " + missing);
          return function.getValue();
        });
  }

  /**
   * Throws what the driver says.
   *
   * @param doing what it was asked
   */
  void check(int status, String doing) {
    if (status == 0) {
      return;
    }
    PointerByReference words = new PointerByReference();
    String text =
        libraries.driver.cuGetErrorString(status, words) == 0 && words.getValue() != null
            ? words.getValue().getString(0)
            : "no words for it";
    String message = String.format("CUDA answers %d (%s) when it %s", status, text, doing);
    throw status == OUT_OF_MEMORY
        ? Failure.resources("%s: the GPU's memory is full", message)
        : Failure.settings("%s", message);
  }

  void checkProducts(int status) {
    if (status != 0) {
      throw Failure.settings("cuBLASLt answers %d", status);
    }
  }

  /**
   * For this very generation if the compiler knows it, else for the last before, which the driver
   * translates.
   */
  private Memory compiled() {
    Nvrtc compiler = libraries.compiler;
    IntByReference count = new IntByReference();
    checkCompiler(compiler.nvrtcGetNumSupportedArchs(count));
    int[] known = new int[count.getValue()];
    checkCompiler(compiler.nvrtcGetSupportedArchs(known));
    boolean exact = Arrays.stream(known).anyMatch(each -> each == generation);
    int target =
        exact
            ? generation
            : Arrays.stream(known)
                .filter(each -> each >= FIRST_GENERATION && each < generation)
                .max()
                .orElseThrow(
                    () ->
                        Failure.settings(
                            "CUDA's compiler knows generations %s, and none for %s: take a later one",
                            Arrays.toString(known), name()));
    byte[] text = source();
    Memory source = new Memory(text.length + 1L);
    source.write(0, text, 0, text.length);
    source.setByte(text.length, (byte) 0);
    PointerByReference reference = new PointerByReference();
    checkCompiler(compiler.nvrtcCreateProgram(reference, source, "step.cu", 0, null, null));
    Pointer program = reference.getValue();
    String[] options = {
      "--gpu-architecture=" + (exact ? "sm_" : "compute_") + target, "-DTHREADS=" + threads
    };
    int status = compiler.nvrtcCompileProgram(program, options.length, options);
    LongByReference size = new LongByReference();
    if (status != 0) {
      checkCompiler(compiler.nvrtcGetProgramLogSize(program, size));
      byte[] log = new byte[Math.toIntExact(size.getValue())];
      checkCompiler(compiler.nvrtcGetProgramLog(program, log));
      throw Failure.settings(
          "CUDA's compiler refuses the kernels for %s: %s", name(), Native.toString(log));
    }
    checkCompiler(
        exact
            ? compiler.nvrtcGetCUBINSize(program, size)
            : compiler.nvrtcGetPTXSize(program, size));
    Memory code = new Memory(size.getValue());
    checkCompiler(
        exact ? compiler.nvrtcGetCUBIN(program, code) : compiler.nvrtcGetPTX(program, code));
    checkCompiler(compiler.nvrtcDestroyProgram(reference));
    return code;
  }

  private void checkCompiler(int status) {
    if (status != 0) {
      throw Failure.settings(
          "CUDA's compiler answers %d (%s)",
          status, libraries.compiler.nvrtcGetErrorString(status));
    }
  }

  private static byte[] source() {
    try (InputStream stream = CudaDevice.class.getResourceAsStream("step.cu")) {
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
