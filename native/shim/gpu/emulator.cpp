// The kernels run by the processor, each thread of a block a thread of its own: what the Rust tests compare with libtorch
// and with the processor's views (src/views/gpu/tests.rs). The blocks of a launch run one after the other.

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>
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
#include "views.cuh"

namespace {

// Runs a kernel in x × y blocks of `threads` threads. What is shared belongs to one block: two launches take turns.
template <typename Kernel>
void launch(Index grid, unsigned threads, Kernel kernel) {
  static std::mutex running;
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

} // namespace

extern "C" {

// Forward pass into y, running statistics, and dx, d_shortcut, d_weight, d_bias of a gradient dy: rows × channels of
// `kind` 0 (float32), 1 (bfloat16) or 2 (float16). `shortcut` may be null. Blocks of `threads` threads share channels and
// rows as those of batch_norm.cpp; `blocks` of them share the rows.
void byol_emulated_batch_norm(
    int kind, int64_t rows, int channels, unsigned threads, unsigned blocks, const void* x, const void* shortcut, const float* weight,
    const float* bias, float* running_mean, float* running_variance, int relu, void* y, const void* dy, void* dx,
    void* d_shortcut, float* d_weight, float* d_bias) {
  const unsigned packs = static_cast<unsigned>(channels) / (kind == 0 ? 4 : 8), all = static_cast<unsigned>(channels);
  int across = 1;
  while (across < 32 && across < static_cast<int>(packs)) across *= 2;
  const Index grid{blocks, (packs + across - 1) / across}, finish{(all + threads / kHelpers - 1) / (threads / kHelpers), 1};
  const float none = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> partial(2 * blocks * all, none), saved(2 * all, none), affine(2 * all, none), factors(3 * all, none);
  const auto chosen = [&](auto float32, auto bfloat16, auto float16) { return kind == 0 ? float32 : kind == 1 ? bfloat16 : float16; };
  const auto pack = [](const void* values) { return static_cast<const Pack*>(values); };
  const auto out = [](void* values) { return static_cast<Pack*>(values); };
  launch(grid, threads, [&] {
    chosen(statistics_float32, statistics_bfloat16, statistics_float16)(pack(x), rows, channels, across, partial.data());
  });
  launch(finish, threads, [&] {
    chosen(finish_statistics_float32, finish_statistics_bfloat16, finish_statistics_float16)(
        partial.data(), static_cast<int>(blocks), channels, pack(x), rows, 1e-5f, 0.1f, weight, bias, running_mean,
        running_variance, saved.data(), affine.data());
  });
  launch(grid, threads, [&] {
    chosen(normalise_float32, normalise_bfloat16, normalise_float16)(
        pack(x), pack(shortcut), affine.data(), out(y), rows, channels, across, relu);
  });
  const Pack* positive = relu ? pack(y) : nullptr;
  launch(grid, threads, [&] {
    chosen(gradient_sums_float32, gradient_sums_bfloat16, gradient_sums_float16)(
        pack(dy), positive, pack(x), saved.data(), rows, channels, across, partial.data());
  });
  launch(finish, threads, [&] {
    finish_gradients_all(
        partial.data(), static_cast<int>(blocks), channels, rows, weight, saved.data(), d_weight, d_bias, factors.data());
  });
  launch(grid, threads, [&] {
    chosen(input_gradient_float32, input_gradient_bfloat16, input_gradient_float16)(
        pack(dy), positive, pack(x), factors.data(), out(dx), out(d_shortcut), rows, channels, across);
  });
}

// What evaluation multiplies by and adds.
void byol_emulated_running_affine(
    int channels, const float* weight, const float* bias, const float* mean, const float* variance, float* affine) {
  launch({2, 1}, 8, [&] { running_affine(channels, 1e-5f, weight, bias, mean, variance, affine); });
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
