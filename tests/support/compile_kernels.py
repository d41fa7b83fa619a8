"""Compiles the kernels of native/shim/gpu by NVRTC for each architecture: compile_kernels.py LIBNVRTC ARCHITECTURE…"""

import ctypes
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "native/shim/gpu"
SOURCES = ["elements.cuh", "batch_norm.cuh", "views.cuh"]

nvrtc = ctypes.CDLL(sys.argv[1])
source = "".join((FOLDER / name).read_text() for name in SOURCES).encode()
for architecture in sys.argv[2:]:
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"byol.cu", 0, None, None) == 0
    options = (ctypes.c_char_p * 2)(f"--gpu-architecture={architecture}".encode(), b"--std=c++17")
    status = nvrtc.nvrtcCompileProgram(program, 2, options)
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    if status != 0:
        sys.exit(f"{architecture}: {log.value.decode()}")
