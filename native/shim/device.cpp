// What tch lacks of devices, as C functions for native/src/torch/device.rs: pinned memory, copies beside the
// computing, and how GPUs compute.

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "guarded.h"

extern "C" {

// Values of the host, of a libtorch scalar type, that a GPU reads by itself while both run.
int byol_pinned(const int64_t* shape, size_t dimensions, int type, at::Tensor** out, Message error) {
  return guarded(error, [&] {
    const at::IntArrayRef sizes(shape, dimensions);
    *out = new at::Tensor(at::empty(sizes, at::TensorOptions(static_cast<at::ScalarType>(type)).pinned_memory(true)));
  });
}

// A tensor of the host on the GPU of this process, copied on a stream of its own: a batch travels
// while the step before it is computed. What is enqueued on the current stream from now on waits
// for it, on the GPU; pinned memory is kept until it is copied.
int byol_upload(const at::Tensor* host, int index, at::Tensor** out, Message error) {
  return guarded(error, [&] {
    const c10::Device device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index));
    const c10::impl::VirtualGuardImpl gpu(device.type());
    const c10::Stream computing = gpu.getStream(device);
    static const c10::Stream copying = gpu.getStreamFromGlobalPool(device, /*isHighPriority=*/false);
    c10::Event arrived(device.type());
    at::Tensor there;
    {
      const c10::StreamGuard guard(copying);
      there = host->to(device, /*non_blocking=*/true, /*copy=*/true);
      arrived.record(copying);
    }
    arrived.block(computing);
    // Its memory is the copying stream's, and is given to no other copy before the computing one is done with it.
    there.record_stream(computing);
    *out = new at::Tensor(std::move(there));
  });
}

// Makes a GPU the current one of this thread: streams, pinned memory and kernels of one's own go by that.
int byol_use_gpu(int index, Message error) {
  return guarded(error, [&] {
    const c10::impl::VirtualGuardImpl gpu(c10::DeviceType::CUDA);
    gpu.setDevice(c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(index)));
  });
}

// TF32 in float32 products, always the same order of sums, or cuDNN's choice of algorithms by measuring.
int byol_set_numerics(bool tf32, bool deterministic, Message error) {
  return guarded(error, [&] {
    auto& context = at::globalContext();
    context.setAllowTF32CuDNN(tf32);
    context.setAllowTF32CuBLAS(tf32);
    context.setDeterministicCuDNN(deterministic);
    context.setDeterministicAlgorithms(deterministic, /*warn_only=*/true);
    context.setBenchmarkCuDNN(!deterministic);
  });
}

} // extern "C"
