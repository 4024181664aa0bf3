package dev.ontogeny.kernel.cuda;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.FloatByReference;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;
import java.util.ArrayList;
import java.util.List;

/**
 * Work of one kernel object on a device, in the order in which it is asked for, with the memory
 * that it takes. Of one thread at a time.
 */
final class CudaStream implements AutoCloseable {
  /** Room for cuBLASLt beside; it asks for 32 MiB on Hopper. */
  private static final long WORKSPACE = 32L << 20;

  private static final int NOT_WITH_THE_DEFAULT_STREAM = 1;
  private static final int WITHOUT_TIMES = 2;
  private static final int CAPTURE_OF_THIS_THREAD = 1;
  private static final int ARGUMENTS = 64;
  private static final FloatByReference ONE = new FloatByReference(1);
  private static final FloatByReference ZERO = new FloatByReference(0);

  private final CudaDevice device;
  private final Driver driver;
  private final Pointer stream;
  private final List<Pointer> memory = new ArrayList<>();
  private final List<Pointer> hostMemory = new ArrayList<>();
  private final List<Pointer> graphs = new ArrayList<>();
  private final DeviceArray workspace;

  /** Copies beside the work, and the end of the last of them; null before the first. */
  private Pointer besides;

  private Pointer copied;

  /** Arguments of a launch, and where each is. */
  private final Memory values = new Memory(8L * ARGUMENTS);

  private final Memory places = new Memory(8L * ARGUMENTS);

  /** Copies from and to Java's heap go through here: the driver does not wait for pages. */
  private final Pointer passage;

  private static final int PASSAGE = 4 << 20;

  CudaStream(CudaDevice device) {
    this.device = device;
    driver = device.libraries.driver;
    device.use();
    PointerByReference created = new PointerByReference();
    device.check(driver.cuStreamCreate(created, NOT_WITH_THE_DEFAULT_STREAM), "makes a stream");
    stream = created.getValue();
    try {
      workspace = bytes(WORKSPACE);
      passage = host(PASSAGE);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
    for (int i = 0; i < ARGUMENTS; i++) {
      places.setPointer(8L * i, values.share(8L * i));
    }
  }

  int threads() {
    return device.threads;
  }

  /** Blocks of a thread for each of so many. */
  int blocksOf(int count) {
    return (count + threads() - 1) / threads();
  }

  /** To be called before anything else by whichever thread works now. */
  void use() {
    device.use();
  }

  DeviceArray bytes(long count) {
    PointerByReference allocated = new PointerByReference();
    device.check(driver.cuMemAlloc(allocated, Math.max(1, count)), "gives " + count + " bytes");
    memory.add(allocated.getValue());
    return new DeviceArray(allocated.getValue(), Math.max(1, count));
  }

  /** Floats or ints. */
  DeviceArray words(long count) {
    return bytes(Math.multiplyExact(4L, count));
  }

  /** Doubles or longs. */
  DeviceArray longs(long count) {
    return bytes(Math.multiplyExact(8L, count));
  }

  DeviceArray of(float[] values) {
    DeviceArray array = words(values.length);
    upload(values, values.length, array);
    return array;
  }

  void free(DeviceArray array) {
    memory.remove(array.pointer());
    device.check(driver.cuMemFree(array.pointer()), "takes memory back");
  }

  /** Memory of the host that the device reads and writes itself. */
  Pointer host(long bytes) {
    PointerByReference allocated = new PointerByReference();
    device.check(driver.cuMemHostAlloc(allocated, bytes, 0), "gives memory of the host");
    hostMemory.add(allocated.getValue());
    return allocated.getValue();
  }

  void upload(Pointer from, DeviceArray to, long bytes) {
    require(to, bytes);
    device.check(driver.cuMemcpyHtoDAsync(to.pointer(), from, bytes, stream), "copies");
  }

  /**
   * Copies while the device works on what was asked for before. The memory of the host has to stay
   * as it is until {@link #awaitCopy} and what was asked for after it.
   */
  void uploadBeside(Pointer from, DeviceArray to, long bytes) {
    require(to, bytes);
    if (besides == null) {
      PointerByReference created = new PointerByReference();
      device.check(driver.cuEventCreate(created, WITHOUT_TIMES), "makes an event");
      copied = created.getValue();
      device.check(driver.cuStreamCreate(created, NOT_WITH_THE_DEFAULT_STREAM), "makes a stream");
      besides = created.getValue();
    }
    device.check(driver.cuMemcpyHtoDAsync(to.pointer(), from, bytes, besides), "copies");
    device.check(driver.cuEventRecord(copied, besides), "copies");
  }

  /** What is asked for from now on begins after the last {@link #uploadBeside}. */
  void awaitCopy() {
    device.check(driver.cuStreamWaitEvent(stream, copied, 0), "waits for a copy");
  }

  void download(DeviceArray from, Pointer to, long bytes) {
    require(from, bytes);
    device.check(driver.cuMemcpyDtoHAsync(to, from.pointer(), bytes, stream), "copies");
  }

  void upload(float[] from, int count, DeviceArray to) {
    uploadInParts(count, Float.BYTES, to, (at, some) -> passage.write(0, from, at, some));
  }

  void upload(int[] from, int count, DeviceArray to) {
    uploadInParts(count, Integer.BYTES, to, (at, some) -> passage.write(0, from, at, some));
  }

  void upload(long[] from, DeviceArray to) {
    uploadInParts(from.length, Long.BYTES, to, (at, some) -> passage.write(0, from, at, some));
  }

  float[] floats(DeviceArray from, int count) {
    float[] to = new float[count];
    downloadInParts(from, count, Float.BYTES, (at, some) -> passage.read(0, to, at, some));
    return to;
  }

  int[] ints(DeviceArray from, int count) {
    int[] to = new int[count];
    downloadInParts(from, count, Integer.BYTES, (at, some) -> passage.read(0, to, at, some));
    return to;
  }

  long[] longs(DeviceArray from, int count) {
    long[] to = new long[count];
    downloadInParts(from, count, Long.BYTES, (at, some) -> passage.read(0, to, at, some));
    return to;
  }

  /** Copies some numbers of an array of Java's into the passage, or out of it. */
  private interface Part {
    void copy(int at, int count);
  }

  double[] doubles(DeviceArray from, int count) {
    double[] to = new double[count];
    downloadInParts(from, count, Double.BYTES, (at, some) -> passage.read(0, to, at, some));
    return to;
  }

  private void uploadInParts(int count, int size, DeviceArray to, Part into) {
    for (int at = 0; at < count; at += PASSAGE / size) {
      int some = Math.min(PASSAGE / size, count - at);
      into.copy(at, some);
      upload(passage, to.from((long) size * at), (long) size * some);
      await();
    }
  }

  private void downloadInParts(DeviceArray from, int count, int size, Part out) {
    for (int at = 0; at < count; at += PASSAGE / size) {
      int some = Math.min(PASSAGE / size, count - at);
      download(from.from((long) size * at), passage, (long) size * some);
      await();
      out.copy(at, some);
    }
  }

  private static void require(DeviceArray array, long bytes) {
    if (bytes > array.bytes()) {
      throw new IllegalArgumentException(bytes + " bytes, and memory of " + array.bytes());
    }
  }

  /** Fills memory with zeros. */
  void clear(DeviceArray array) {
    device.check(
        driver.cuMemsetD8Async(array.pointer(), (byte) 0, array.bytes(), stream), "clears memory");
  }

  /**
   * Runs a kernel.
   *
   * @param x blocks of the first dimension
   * @param y of the second
   * @param arguments ints, longs, floats, doubles and arrays; null for none of these
   */
  void launch(String kernel, int x, int y, Object... arguments) {
    for (int i = 0; i < arguments.length; i++) {
      Object argument = arguments[i];
      long at = 8L * i;
      if (argument == null) {
        values.setPointer(at, null);
      } else if (argument instanceof DeviceArray array) {
        values.setPointer(at, array.pointer());
      } else if (argument instanceof Integer number) {
        values.setInt(at, number);
      } else if (argument instanceof Long number) {
        values.setLong(at, number);
      } else if (argument instanceof Double number) {
        values.setDouble(at, number);
      } else {
        throw new IllegalArgumentException("argument " + argument);
      }
    }
    device.check(
        driver.cuLaunchKernel(
            device.kernel(kernel), x, y, 1, device.threads, 1, 1, 0, stream, places, null),
        "runs " + kernel);
  }

  /**
   * Dot products of rows with rows, sums in fp32.
   *
   * @param type of the numbers of both, as {@link CublasLt} has it
   * @param kept [m, stride]
   * @param rows [n, stride]
   * @param into [n, m], fp32
   */
  void product(
      int type, DeviceArray kept, long m, DeviceArray rows, long n, long stride, DeviceArray into) {
    CublasLt lt = device.libraries.products;
    require(into, 4 * m * n);
    PointerByReference created = new PointerByReference();
    device.checkProducts(
        lt.cublasLtMatmulDescCreate(created, CublasLt.SUMS_IN_FP32, CublasLt.FP32));
    Pointer product = created.getValue();
    device.checkProducts(
        lt.cublasLtMatmulDescSetAttribute(
            product, CublasLt.TRANSPOSE_FIRST, new IntByReference(CublasLt.TRANSPOSED), 4));
    // Column by column, as cuBLAS has them, rows of ours are columns.
    Pointer ofKept = layout(type, stride, m);
    Pointer ofRows = layout(type, stride, n);
    Pointer ofResult = layout(CublasLt.FP32, m, n);
    device.checkProducts(
        lt.cublasLtMatmul(
            device.products,
            product,
            ONE,
            kept.pointer(),
            ofKept,
            rows.pointer(),
            ofRows,
            ZERO,
            into.pointer(),
            ofResult,
            into.pointer(),
            ofResult,
            null,
            workspace.pointer(),
            WORKSPACE,
            stream));
    for (Pointer layout : new Pointer[] {ofKept, ofRows, ofResult}) {
      device.checkProducts(lt.cublasLtMatrixLayoutDestroy(layout));
    }
    device.checkProducts(lt.cublasLtMatmulDescDestroy(product));
  }

  private Pointer layout(int type, long rows, long columns) {
    PointerByReference created = new PointerByReference();
    device.checkProducts(
        device.libraries.products.cublasLtMatrixLayoutCreate(created, type, rows, columns, rows));
    return created.getValue();
  }

  /** Work that {@link #replay} asks for again at once; it is not done now. */
  Pointer record(Runnable work) {
    device.check(driver.cuStreamBeginCapture(stream, CAPTURE_OF_THIS_THREAD), "records");
    PointerByReference reference = new PointerByReference();
    try {
      work.run();
    } finally {
      device.check(driver.cuStreamEndCapture(stream, reference), "records");
    }
    Pointer graph = reference.getValue();
    device.check(driver.cuGraphInstantiateWithFlags(reference, graph, 0), "records");
    device.check(driver.cuGraphDestroy(graph), "records");
    graphs.add(reference.getValue());
    return reference.getValue();
  }

  void replay(Pointer graph) {
    device.check(driver.cuGraphLaunch(graph, stream), "runs a recorded step");
  }

  /** Returns when all that was asked for is done. */
  void await() {
    device.check(driver.cuStreamSynchronize(stream), "works");
  }

  @Override
  public void close() {
    device.use();
    if (besides != null) {
      // Whatever is still copied must not reach memory that is another's.
      driver.cuStreamSynchronize(besides);
      driver.cuStreamDestroy(besides);
      besides = null;
    }
    if (copied != null) {
      driver.cuEventDestroy(copied);
      copied = null;
    }
    graphs.forEach(driver::cuGraphExecDestroy);
    memory.forEach(driver::cuMemFree);
    hostMemory.forEach(driver::cuMemFreeHost);
    driver.cuStreamDestroy(stream);
    graphs.clear();
    memory.clear();
    hostMemory.clear();
  }
}
