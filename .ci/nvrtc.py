"""Compiles the kernels of `kernel = cuda` by NVRTC for each generation of GPUs that they are for. No GPU is needed.

    python .ci/nvrtc.py FOLDER

FOLDER: where libnvrtc.so is, of the package nvidia-cuda-nvrtc or of a CUDA toolkit.
"""

import ctypes
import pathlib
import sys

KERNELS = "common/src/main/resources/dev/ontogeny/kernel/cuda/step.cu"
GENERATIONS = ("sm_80", "sm_90", "sm_100")


def main(folder):
    libraries = sorted(pathlib.Path(folder).rglob("libnvrtc.so*"))
    if not libraries:
        sys.exit(f"no libnvrtc.so in {folder}")
    nvrtc = ctypes.CDLL(str(libraries[-1]))
    source = (pathlib.Path(__file__).parent.parent / KERNELS).read_bytes()
    for generation in GENERATIONS:
        program = ctypes.c_void_p()
        check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"step.cu", 0, None, None))
        options = [f"--gpu-architecture={generation}".encode(), b"--fmad=true"]
        failed = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        size = ctypes.c_size_t()
        check(nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size)))
        log = ctypes.create_string_buffer(size.value)
        check(nvrtc.nvrtcGetProgramLog(program, log))
        words = log.value.decode().strip()
        if failed or words:
            sys.exit(f"{generation}: {words}")
        check(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)))
        assert size.value > 0
        print(f"{generation}: {size.value} bytes")


def check(status):
    if status:
        sys.exit(f"NVRTC answers {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
