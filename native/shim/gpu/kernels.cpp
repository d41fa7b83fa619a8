// Loads the kernels (*.cuh), which native/src/torch/gpu/kernels.rs compiles, and runs them.

#include "kernels.h"

#include <c10/core/DeviceGuard.h>
#include <cuda.h>
#include <dlfcn.h>

#include <map>
#include <mutex>

#include "../guarded.h"

namespace byol {
namespace {

// The driver's library. libtorch opens it itself, late: found the same way here, as it need not be where the linker
// looks.
void* driver() {
  static void* const library = [] {
    void* opened = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    TORCH_CHECK(opened, "cannot open libcuda.so.1: ", dlerror());
    return opened;
  }();
  return library;
}

template <typename Function>
Function* driver_function(Function*, const char* name) {
  auto* found = dlsym(driver(), name);
  TORCH_CHECK(found, name, " is missing: ", dlerror());
  return reinterpret_cast<Function*>(found);
}

#define DRIVER(name) driver_function(static_cast<decltype(&name)>(nullptr), #name)

void require(CUresult status, const char* what) {
  const char* text = "unknown error";
  if (status != CUDA_SUCCESS) DRIVER(cuGetErrorString)(status, &text);
  TORCH_CHECK(status == CUDA_SUCCESS, what, " failed: ", text);
}

struct Kernels {
  CUmodule module = nullptr;
  std::map<std::string, CUfunction> functions;
};

// Those of each device, kept to the end of the process: a module must not outlive CUDA.
std::map<int, Kernels>& kernels() {
  static auto& all = *new std::map<int, Kernels>();
  return all;
}

std::mutex mutex;

CUfunction function_here(const std::string& name) {
  const std::lock_guard lock(mutex);
  const auto found = kernels().find(c10::cuda::current_device());
  TORCH_CHECK(found != kernels().end(), "the kernels are not loaded onto this GPU");
  auto& function = found->second.functions[name];
  if (!function) require(DRIVER(cuModuleGetFunction)(&function, found->second.module, name.c_str()), name.c_str());
  return function;
}

} // namespace

void launch(
    const std::string& name, dim3 grid, unsigned threads, unsigned shared_bytes, std::vector<void*> arguments) {
  launch(name, grid, threads, shared_bytes, arguments.data());
}

void launch(const std::string& name, dim3 grid, unsigned threads, unsigned shared_bytes, void** arguments) {
  static const auto run = DRIVER(cuLaunchKernel);
  require(
      run(
          function_here(name), grid.x, grid.y, grid.z, threads, 1, 1, shared_bytes,
          at::cuda::getCurrentCUDAStream(), arguments, nullptr),
      name.c_str());
}

// In the context of a GPU that libtorch makes, and there alone.
void load(const char* code, int index) {
  const c10::DeviceGuard device(c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index)));
  c10::cuda::device_synchronize();
  Kernels loaded;
  require(DRIVER(cuModuleLoadData)(&loaded.module, code), "cuModuleLoadData");
  const std::lock_guard lock(mutex);
  kernels()[index] = loaded;
}

} // namespace byol

// Runs a kernel on the current stream, for the core (shim/batch_norm.cpp).
extern "C" int byol_gpu_launch(
    const char* name, unsigned across, unsigned down, unsigned threads, void** arguments, Message error) {
  return guarded(error, [&] { byol::launch(name, dim3(across, down), threads, 0, arguments); });
}

// Loads the kernels' machine code onto a GPU.
extern "C" int byol_gpu_load_kernels(const char* code, int index, Message error) {
  return guarded(error, [&] { byol::load(code, index); });
}
