// The kernels run by the processor, in blocks of one thread: what the Rust tests compare with
// libtorch and with the processor's views (src/views/gpu/tests.rs). A block's threads share its
// work in loops that one thread may also do alone.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#define BYOL_ONE_THREAD
namespace {
struct Index {
  unsigned x = 0, y = 0;
};
thread_local Index threadIdx, blockIdx, blockDim{1, 1}, gridDim{1, 1};
thread_local float dynamic_shared[1 << 16];
} // namespace

#include "elements.cuh"

#include "batch_norm.cuh"
#include "views.cuh"

namespace {

template <typename Kernel>
void over(unsigned x, unsigned y, Kernel kernel) {
  gridDim = {x, y};
  for (blockIdx.y = 0; blockIdx.y < y; ++blockIdx.y) {
    for (blockIdx.x = 0; blockIdx.x < x; ++blockIdx.x) kernel();
  }
}

} // namespace

extern "C" {

// Forward pass into y, running statistics, and dx, d_shortcut, d_weight, d_bias of a gradient dy: rows × channels of
// `kind` 0 (float32), 1 (bfloat16) or 2 (float16). `shortcut` may be null.
void byol_one_thread_batch_norm(
    int kind, int64_t rows, int channels, unsigned blocks, const void* x, const void* shortcut, const float* weight,
    const float* bias, float* running_mean, float* running_variance, int relu, void* y, const void* dy, void* dx,
    void* d_shortcut, float* d_weight, float* d_bias) {
  const unsigned packs = static_cast<unsigned>(channels) / (kind == 0 ? 4 : 8), all = static_cast<unsigned>(channels);
  std::vector<float> partial(2 * blocks * all), saved(2 * all), affine(2 * all), factors(3 * all);
  const auto chosen = [&](auto float32, auto bfloat16, auto float16) { return kind == 0 ? float32 : kind == 1 ? bfloat16 : float16; };
  const auto pack = [](const void* values) { return static_cast<const Pack*>(values); };
  const auto out = [](void* values) { return static_cast<Pack*>(values); };
  over(blocks, packs, [&] {
    chosen(statistics_float32, statistics_bfloat16, statistics_float16)(pack(x), rows, channels, 1, partial.data());
  });
  over(all, 1, [&] {
    chosen(finish_statistics_float32, finish_statistics_bfloat16, finish_statistics_float16)(
        partial.data(), static_cast<int>(blocks), channels, pack(x), rows, 1e-5f, 0.1f, weight, bias, running_mean,
        running_variance, saved.data(), affine.data());
  });
  over(blocks, packs, [&] {
    chosen(normalise_float32, normalise_bfloat16, normalise_float16)(
        pack(x), pack(shortcut), affine.data(), out(y), rows, channels, 1, relu);
  });
  const Pack* positive = relu ? pack(y) : nullptr;
  over(blocks, packs, [&] {
    chosen(gradient_sums_float32, gradient_sums_bfloat16, gradient_sums_float16)(
        pack(dy), positive, pack(x), saved.data(), rows, channels, 1, partial.data());
  });
  over(all, 1, [&] {
    finish_gradients_all(
        partial.data(), static_cast<int>(blocks), channels, rows, weight, saved.data(), d_weight, d_bias, factors.data());
  });
  over(blocks, packs, [&] {
    chosen(input_gradient_float32, input_gradient_bfloat16, input_gradient_float16)(
        pack(dy), positive, pack(x), factors.data(), out(dx), out(d_shortcut), rows, channels, 1);
  });
}

// What evaluation multiplies by and adds.
void byol_one_thread_running_affine(
    int channels, const float* weight, const float* bias, const float* mean, const float* variance, float* affine) {
  over(1, 1, [&] { running_affine(channels, 1e-5f, weight, bias, mean, variance, affine); });
}

// As byol_gpu_views.
void byol_one_thread_views(
    const uint8_t* images, int height, int width, const uint32_t* views, unsigned count, int cropped, int size,
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
  over(count, 1, [&] {
    make_views(images, reinterpret_cast<const ViewWords*>(views), shape, cropped, nullptr, out);
  });
}

} // extern "C"
