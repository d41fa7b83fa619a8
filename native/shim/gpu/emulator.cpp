// The kernels run by the processor, each thread of a block a thread of its own: what the Rust tests compare with libtorch
// and with the processor's views (src/torch/gpu/tests.rs, src/views/gpu/tests.rs). The blocks of a launch run one after the other.

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#define BYOL_EMULATED
namespace {

struct Index {
  unsigned x = 0, y = 0;
};
thread_local Index threadIdx, blockIdx, blockDim, gridDim;
// Shared by the threads of the running block, as are the kernels' SHARED arrays.
float dynamic_shared[1 << 16];

// __syncthreads(): waits for every thread of the block that has not ended.
class Barrier {
 public:
  explicit Barrier(unsigned threads) : left_(threads) {}

  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const unsigned round = round_;
    if (++waiting_ == left_) {
      release();
    } else {
      released_.wait(lock, [&] { return round_ != round; });
    }
  }

  void leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--left_ > 0 && waiting_ == left_) release();
  }

 private:
  void release() {
    waiting_ = 0;
    ++round_;
    released_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable released_;
  unsigned left_, waiting_ = 0, round_ = 0;
};

Barrier* block_barrier = nullptr;

void together() {
  block_barrier->wait();
}

} // namespace

#include "elements.cuh"

#include "batch_norm.cuh"
#include "tensors.h"
#include "optimizer.cuh"
#include "views.cuh"

namespace {

// What is shared belongs to one block: the launches of all threads take turns.
std::mutex running;

// Runs a kernel in x × y blocks of `threads` threads.
template <typename Kernel>
void launch(Index grid, unsigned threads, Kernel kernel) {
  const std::lock_guard<std::mutex> turn(running);
  for (unsigned y = 0; y < grid.y; ++y) {
    for (unsigned x = 0; x < grid.x; ++x) {
      // What a block has not written is no number.
      std::fill(std::begin(dynamic_shared), std::end(dynamic_shared), std::numeric_limits<float>::quiet_NaN());
      Barrier barrier(threads);
      block_barrier = &barrier;
      std::vector<std::thread> block;
      block.reserve(threads);
      for (unsigned thread = 0; thread < threads; ++thread) {
        block.emplace_back([&, thread] {
          threadIdx = {thread, 0};
          blockIdx = {x, y};
          blockDim = {threads, 1};
          gridDim = grid;
          kernel();
          barrier.leave();
        });
      }
      for (auto& thread : block) thread.join();
    }
  }
}

// Calls a kernel with the values that `arguments` point to.
template <typename... Values, size_t... At>
void call(void (*kernel)(Values...), void** arguments, std::index_sequence<At...>) {
  kernel(*static_cast<Values*>(arguments[At])...);
}

using Kernel = std::function<void(void** arguments)>;

template <typename... Values>
Kernel taking(void (*kernel)(Values...)) {
  return [kernel](void** arguments) { call(kernel, arguments, std::index_sequence_for<Values...>()); };
}

// Those of batch normalisation and of the optimizer, by name.
const std::map<std::string, Kernel>& kernels() {
#define KERNEL_OF(name) {#name, taking(name)}
#define KERNELS_OF(name) KERNEL_OF(name##_float32), KERNEL_OF(name##_bfloat16), KERNEL_OF(name##_float16)
  static const std::map<std::string, Kernel> all{
      KERNELS_OF(statistics),
      KERNELS_OF(finish_statistics),
      KERNELS_OF(finish_local),
      KERNELS_OF(normalise),
      KERNELS_OF(gradient_sums),
      KERNELS_OF(input_gradient),
      KERNEL_OF(merge_ranks),
      KERNEL_OF(finish_gradients_all),
      KERNEL_OF(finish_gradients_local),
      KERNEL_OF(merge_gradients),
      KERNEL_OF(running_affine),
      KERNEL_OF(lars_norms),
      KERNEL_OF(lars_step),
      KERNEL_OF(move_average),
  };
  return all;
}

// As guarded.h has it.
struct Message {
  char* text;
  size_t capacity;
};

} // namespace

extern "C" {

// As byol_gpu_launch.
int byol_emulated_launch(
    const char* name, unsigned across, unsigned down, unsigned threads, void** arguments, Message error) {
  const auto found = kernels().find(name);
  if (found == kernels().end()) {
    std::snprintf(error.text, error.capacity, "%s is no kernel", name);
    return 1;
  }
  launch({across, down}, threads, [&] { found->second(arguments); });
  return 0;
}

// As byol_gpu_views, in blocks of `threads` threads, a power of two.
void byol_emulated_views(
    const uint8_t* images, int height, int width, const uint32_t* views, unsigned count, unsigned threads, int cropped, int size,
    int blur_kernel, const float* mean, const float* scale, float* out) {
  const double most = std::max(1.0, static_cast<double>(std::max(height, width)) / size);
  ViewShape shape{};
  shape.image_height = height;
  shape.image_width = width;
  shape.size = size;
  shape.blur_kernel = blur_kernel;
  shape.taps = static_cast<int>(std::ceil(2 * most)) * 2 + 1;
  for (int channel = 0; channel < 3; ++channel) {
    shape.mean[channel] = mean[channel];
    shape.scale[channel] = scale[channel];
  }
  launch({count, 1}, threads, [&] {
    make_views(images, reinterpret_cast<const ViewWords*>(views), shape, cropped, nullptr, out);
  });
}

} // extern "C"
