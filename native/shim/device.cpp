// What tch lacks of devices, as C functions for native/src/device.rs: pinned memory, and how GPUs compute.

#include <ATen/Context.h>
#include <ATen/ops/empty.h>

#include "guarded.h"

extern "C" {

// Values of the host, of a libtorch scalar type, that a GPU reads by itself while both go on.
int byol_pinned(const int64_t* shape, size_t dimensions, int type, at::Tensor** out, Message error) {
  return guarded(error, [&] {
    const at::IntArrayRef sizes(shape, dimensions);
    *out = new at::Tensor(at::empty(sizes, at::TensorOptions(static_cast<at::ScalarType>(type)).pinned_memory(true)));
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
