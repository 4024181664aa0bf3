package dev.ontogeny.kernel.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ontogeny.kernel.KernelProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A GPU that is none: {@code step.cu} as C++ and the calls of CUDA that reach it, in one library
 * that the C++ compiler of this machine makes ({@code cuda_on_cpu.cpp}).
 */
public final class CudaOnCpu {
  private static final class Made {
    private static final Optional<Path> LIBRARY = make();

    private Made() {}
  }

  private static final String DEVICE = "ontogeny.cuda.device";

  private CudaOnCpu() {}

  /** Whether {@link #provider} is on a GPU. */
  public static boolean real() {
    return Integer.getInteger(DEVICE) != null;
  }

  /** The library; none where there is no C++ compiler. */
  public static Optional<Path> library() {
    return Made.LIBRARY;
  }

  /**
   * The provider on such a device, or, where {@code -Dontogeny.cuda.device=0} says so, on one of
   * this machine's; none where there is neither that nor a C++ compiler.
   */
  public static Optional<KernelProvider> provider() {
    if (real()) {
      return Optional.of(new CudaProvider(Integer.getInteger(DEVICE)));
    }
    return library().map(library -> new CudaProvider(CudaDevice.of(CudaLibraries.of(library), 0)));
  }

  /**
   * A folder that a process can take for that of CUDA's libraries, {@link CudaLibraries#FOLDERS}.
   *
   * @param folder made
   */
  public static Optional<Path> folder(Path folder) throws IOException {
    if (library().isPresent()) {
      Files.createDirectories(folder);
      for (String name : new String[] {"libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13"}) {
        // One file, so that all three are one library in the process.
        if (!Files.exists(folder.resolve(name))) {
          Files.createSymbolicLink(folder.resolve(name), library().get());
        }
      }
    }
    return library().map(made -> folder);
  }

  private static Optional<Path> make() {
    Path common = Path.of(System.getProperty("ontogeny.root", ".."), "common");
    Path source = common.resolve("src/test/cpp/cuda_on_cpu.cpp");
    Path kernels = common.resolve("src/main/resources/dev/ontogeny/kernel/cuda");
    try {
      Path library = Files.createTempDirectory("cuda-on-cpu").resolve("libcuda_on_cpu.so");
      library.toFile().deleteOnExit();
      library.getParent().toFile().deleteOnExit();
      Process compiler =
          new ProcessBuilder(
                  "c++",
                  "-std=c++17",
                  "-O2",
                  "-DTHREADS=64",
                  "-shared",
                  "-fPIC",
                  "-fvisibility=hidden",
                  "-I",
                  kernels.toString(),
                  "-o",
                  library.toString(),
                  source.toString())
              .inheritIO()
              .start();
      assertThat(compiler.waitFor()).as("c++ " + source).isZero();
      return Optional.of(library.toAbsolutePath());
    } catch (IOException noCompiler) {
      return Optional.empty();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
