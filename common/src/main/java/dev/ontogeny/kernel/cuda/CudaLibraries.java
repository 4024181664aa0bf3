package dev.ontogeny.kernel.cuda;

import com.sun.jna.FunctionMapper;
import com.sun.jna.Library;
import com.sun.jna.Native;
import dev.ontogeny.run.Failure;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * CUDA's driver, its compiler and cuBLASLt of CUDA 11.8 or later, as this machine has them; none is
 * shipped. They are called through their C interfaces, so that one jar goes with every version and
 * with whatever CUDA ND4J brings along.
 *
 * <p>Looked for in the folders of {@value #FOLDERS}, in {@code /usr/local/cuda/lib64}, and where
 * the machine looks itself ({@code LD_LIBRARY_PATH}).
 */
final class CudaLibraries {
  /** An environment variable: folders, with the machine's separator between them. */
  static final String FOLDERS = "ONTOGENY_CUDA_LIBRARIES";

  private static final List<String> DRIVERS = List.of("libcuda.so.1", "libcuda.so");
  private static final List<String> COMPILERS =
      List.of("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so");
  private static final List<String> PRODUCTS =
      List.of("libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11", "libcublasLt.so");

  final Driver driver;
  final Nvrtc compiler;
  final CublasLt products;

  private CudaLibraries(Driver driver, Nvrtc compiler, CublasLt products) {
    this.driver = driver;
    this.compiler = compiler;
    this.products = products;
  }

  private static CudaLibraries found;

  /** Why they were not found: every task asks, and a machine does not get them meanwhile. */
  private static String missing;

  /**
   * Those of this machine.
   *
   * @throws Failure of settings that names what is not there
   */
  static synchronized CudaLibraries ofThisMachine() {
    if (missing != null) {
      throw Failure.settings("%s", missing);
    } else if (found == null) {
      found = find();
    }
    return found;
  }

  private static CudaLibraries find() {
    try {
      List<Path> folders = new ArrayList<>();
      String named = System.getenv().getOrDefault(FOLDERS, "");
      Arrays.stream(named.split(File.pathSeparator))
          .filter(folder -> !folder.isBlank())
          .forEach(folder -> folders.add(Path.of(folder)));
      folders.add(Path.of("/usr/local/cuda/lib64"));
      return new CudaLibraries(
          load(Driver.class, "CUDA's driver", DRIVERS, folders),
          load(Nvrtc.class, "CUDA's compiler (NVRTC)", COMPILERS, folders),
          load(CublasLt.class, "cuBLASLt", PRODUCTS, folders));
    } catch (Failure failure) {
      missing = failure.getMessage();
      throw failure;
    }
  }

  /** All three from one file. */
  static CudaLibraries of(Path library) {
    List<String> file = List.of(library.getFileName().toString());
    List<Path> folder = List.of(library.toAbsolutePath().getParent());
    return new CudaLibraries(
        load(Driver.class, "CUDA's driver", file, folder),
        load(Nvrtc.class, "CUDA's compiler (NVRTC)", file, folder),
        load(CublasLt.class, "cuBLASLt", file, folder));
  }

  private static <T extends Library> T load(
      Class<T> type, String words, List<String> names, List<Path> folders) {
    List<String> candidates = new ArrayList<>();
    for (Path folder : folders) {
      for (String name : names) {
        if (Files.exists(folder.resolve(name))) {
          candidates.add(folder.resolve(name).toString());
        }
      }
    }
    candidates.addAll(names);
    FunctionMapper mapper =
        (library, method) ->
            method.getName() + (Driver.SECOND_VERSIONS.contains(method.getName()) ? "_v2" : "");
    List<String> refusals = new ArrayList<>();
    for (String candidate : candidates) {
      try {
        return type.cast(
            Native.loadLibrary(candidate, type, Map.of(Library.OPTION_FUNCTION_MAPPER, mapper)));
      } catch (UnsatisfiedLinkError e) {
        if (candidate.contains(File.separator)) {
          refusals.add(candidate + " cannot be loaded: " + e.getMessage());
        }
      }
    }
    throw Failure.settings(
        "%s is not on this machine: none of %s%s; %s lists folders where to look",
        words,
        String.join(", ", names),
        refusals.isEmpty() ? "" : " (" + String.join("; ", refusals) + ")",
        FOLDERS);
  }
}
