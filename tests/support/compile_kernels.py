"""Compiles the kernels of native/shim/gpu by NVRTC: compile_kernels.py LIBNVRTC ARCHITECTURE…

Prints a line for each kernel and architecture: registers, bytes of spilled stores and loads."""

import ctypes
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "native/shim/gpu"
SOURCES = ["elements.cuh", "batch_norm.cuh", "tensors.h", "optimizer.cuh", "views.cuh"]
OPTIONS = [b"--std=c++17", b"--ptxas-options=-v"]
COMPILED = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores, (\d+) bytes spill loads.*?Used (\d+) registers", re.S
)

nvrtc = ctypes.CDLL(sys.argv[1])
source = "".join((FOLDER / name).read_text() for name in SOURCES).encode()
for architecture in sys.argv[2:]:
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"byol.cu", 0, None, None) == 0
    words = [f"--gpu-architecture={architecture}".encode(), *OPTIONS]
    status = nvrtc.nvrtcCompileProgram(program, len(words), (ctypes.c_char_p * len(words))(*words))
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    text = log.value.decode()
    if status != 0:
        sys.exit(f"{architecture}: {text}")
    kernels = COMPILED.findall(text)
    for name, stores, loads, registers in sorted(kernels):
        print(architecture, name, registers, stores, loads)
