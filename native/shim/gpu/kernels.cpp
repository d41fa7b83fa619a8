// Compiles the kernels (*.cuh) for the GPU that is there, and runs them.

#include "kernels.h"

#include <cuda.h>
#include <dlfcn.h>
#include <nvrtc.h>

#include <map>
#include <mutex>

#include "../guarded.h"

namespace byol {
namespace {

std::string& source() {
  static std::string text;
  return text;
}

// The functions of NVRTC and of the driver that are used. libtorch opens both libraries itself,
// late: found the same way here, as neither need be where the linker looks.
struct Functions {
  void* compiler;
  void* driver;

  Functions() {
    Dl_info torch;
    TORCH_CHECK(dladdr(reinterpret_cast<void*>(&at::cuda::getCurrentDeviceProperties), &torch), "libtorch_cuda has no path");
    const std::string library(torch.dli_fname);
    const auto beside = library.substr(0, library.rfind('/') + 1) + "libcaffe2_nvrtc.so";
    compiler = opened(beside.c_str());
    driver = opened("libcuda.so.1");
  }

  static void* opened(const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    TORCH_CHECK(library, "cannot open ", path, ": ", dlerror());
    return library;
  }

  template <typename Function>
  static Function* symbol(void* library, Function*, const char* name) {
    auto* found = dlsym(library, name);
    TORCH_CHECK(found, name, " is missing: ", dlerror());
    return reinterpret_cast<Function*>(found);
  }
};

const Functions& functions() {
  static const auto& all = *new Functions();
  return all;
}

#define NVRTC(name) Functions::symbol(functions().compiler, static_cast<decltype(&name)>(nullptr), #name)
#define DRIVER(name) Functions::symbol(functions().driver, static_cast<decltype(&name)>(nullptr), #name)

void require(nvrtcResult status, const char* what, const std::string& log = "") {
  TORCH_CHECK(status == NVRTC_SUCCESS, what, " failed: ", NVRTC(nvrtcGetErrorString)(status), "\n", log);
}

void require(CUresult status, const char* what) {
  const char* text = "unknown error";
  if (status != CUDA_SUCCESS) DRIVER(cuGetErrorString)(status, &text);
  TORCH_CHECK(status == CUDA_SUCCESS, what, " failed: ", text);
}

// The machine code of the sources for this GPU.
std::string compiled() {
  const auto* properties = at::cuda::getCurrentDeviceProperties();
  const std::string architecture = "--gpu-architecture=sm_" + std::to_string(properties->major) + std::to_string(properties->minor);
  const std::vector<const char*> options{architecture.c_str(), "--std=c++17"};
  nvrtcProgram program;
  require(NVRTC(nvrtcCreateProgram)(&program, source().c_str(), "byol.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  const auto status = NVRTC(nvrtcCompileProgram)(program, static_cast<int>(options.size()), options.data());
  size_t length = 0;
  require(NVRTC(nvrtcGetProgramLogSize)(program, &length), "nvrtcGetProgramLogSize");
  std::string log(length, '\0');
  require(NVRTC(nvrtcGetProgramLog)(program, log.data()), "nvrtcGetProgramLog");
  require(status, "compiling the kernels", log);
  require(NVRTC(nvrtcGetCUBINSize)(program, &length), "nvrtcGetCUBINSize");
  std::string code(length, '\0');
  require(NVRTC(nvrtcGetCUBIN)(program, code.data()), "nvrtcGetCUBIN");
  require(NVRTC(nvrtcDestroyProgram)(&program), "nvrtcDestroyProgram");
  return code;
}

struct Kernels {
  CUmodule module = nullptr;
  std::map<std::string, CUfunction> functions;
};

// Kept to the end of the process: a module must not outlive CUDA.
CUfunction function_here(const std::string& name) {
  static std::mutex mutex;
  static auto& all = *new std::map<int, Kernels>();
  const std::lock_guard lock(mutex);
  auto& kernels = all[c10::cuda::current_device()];
  if (!kernels.module) {
    const auto code = compiled();
    require(DRIVER(cuModuleLoadData)(&kernels.module, code.data()), "cuModuleLoadData");
  }
  auto& function = kernels.functions[name];
  if (!function) require(DRIVER(cuModuleGetFunction)(&function, kernels.module, name.c_str()), name.c_str());
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

} // namespace byol

// Runs a kernel on the current stream, for the core (shim/batch_norm.cpp).
extern "C" int byol_gpu_launch(
    const char* name, unsigned across, unsigned down, unsigned threads, void** arguments, Message error) {
  return guarded(error, [&] { byol::launch(name, dim3(across, down), threads, 0, arguments); });
}

// The text of the kernels, which the core holds.
extern "C" int byol_gpu_set_source(const char* text, Message error) {
  return guarded(error, [&] { byol::source() = text; });
}
