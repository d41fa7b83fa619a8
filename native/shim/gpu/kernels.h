// Kernels that are compiled at run time (NVRTC, which libtorch brings) for the GPU of this process.
#pragma once

#include <string>

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAContext.h>

namespace byol {

// Runs a kernel of the sources on the current stream. `arguments` point to the values.
void launch(
    const std::string& name, dim3 grid, unsigned threads, unsigned shared_bytes, std::vector<void*> arguments);
void launch(const std::string& name, dim3 grid, unsigned threads, unsigned shared_bytes, void** arguments);

} // namespace byol
