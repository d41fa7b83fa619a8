// Launches of the kernels (gpu/*.cuh), by a function that the caller brings: of the GPUs' side (gpu/kernels.cpp), or of the
// tests, on the processor (gpu/emulator.cpp).

#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <tuple>

#include "guarded.h"

// `arguments` point to the values that the kernel takes.
using Launch = int (*)(
    const char* name, unsigned across, unsigned down, unsigned threads, void** arguments, Message error);

// How kernels are run: src/torch/gpu/mod.rs has the same.
struct Kernels {
  Launch launch;
  // Of a block: a power of two, at most 256.
  unsigned threads;
  // Along the rows; 0: as the number of rows asks for.
  unsigned blocks;
};

struct Grid {
  unsigned across;
  unsigned down;
};

// A tensor's memory, null for one that is not defined; anything else as it is.
inline void* kernel_argument(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr() : nullptr;
}
template <typename Value>
Value kernel_argument(const Value& value) {
  return value;
}

template <typename... Values>
void launch(const Kernels& kernels, const std::string& name, Grid grid, const Values&... values) {
  constexpr size_t kCapacity = 2048;
  std::tuple<decltype(kernel_argument(values))...> held(kernel_argument(values)...);
  char text[kCapacity] = "";
  const int failed = std::apply(
      [&](auto&... each) {
        void* arguments[] = {&each...};
        return kernels.launch(
            name.c_str(), grid.across, grid.down, kernels.threads, arguments, Message{text, kCapacity});
      },
      held);
  TORCH_CHECK(failed == 0, text);
}
