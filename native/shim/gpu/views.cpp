// Runs the kernel that makes the views of a batch (views.cuh).

#include <c10/core/DeviceGuard.h>

#include "../guarded.h"
#include "kernels.h"

namespace {

// As in views.cuh.
struct Shape {
  int image_height, image_width, size, blur_kernel, taps;
  int64_t work;
  float mean[3], scale[3];
};

constexpr unsigned kThreads = 256;
constexpr int64_t kSharedFloats = 48 * 1024 / 4 - 256;

} // namespace

extern "C" {

// `views`: count × 16 words. `images`: count × 3 × height × width bytes; or, where `cropped`, a
// size × size × 3 crop for each view. Both on the GPU, as is what is written: count × size × size ×
// 3 floats.
int byol_gpu_views(
    const at::Tensor* images, const at::Tensor* views, bool cropped, int64_t size, int64_t blur_kernel,
    const float* mean, const float* scale, at::Tensor** out, Message error) {
  return guarded(error, [&] {
    const c10::DeviceGuard device(images->device());
    const int64_t count = views->size(0);
    const int64_t height = cropped ? size : images->size(2), width = cropped ? size : images->size(3);
    const double most = std::max(1.0, static_cast<double>(std::max(height, width)) / static_cast<double>(size));
    Shape shape{};
    shape.image_height = static_cast<int>(height);
    shape.image_width = static_cast<int>(width);
    shape.size = static_cast<int>(size);
    shape.blur_kernel = static_cast<int>(blur_kernel);
    shape.taps = static_cast<int>(std::ceil(2 * most)) * 2 + 1;
    std::copy_n(mean, 3, shape.mean);
    std::copy_n(scale, 3, shape.scale);
    const int64_t room = 3 * size * size + 3 * std::max(height, size) * size + 2 * size * shape.taps + 4 * size;
    const bool shared = room <= kSharedFloats;
    shape.work = shared ? 0 : room;
    const auto floats = views->options().dtype(at::kFloat);
    const auto work = at::empty({shared ? 0 : count * room}, floats);
    auto made = at::empty({count, size, size, 3}, floats);
    void *pixels = images->data_ptr(), *words = views->data_ptr(), *memory = work.data_ptr(), *target = made.data_ptr();
    int is_cropped = cropped;
    byol::launch(
        "make_views", dim3(static_cast<unsigned>(count)), kThreads, shared ? static_cast<unsigned>(4 * room) : 0,
        {&pixels, &words, &shape, &is_cropped, &memory, &target});
    *out = new at::Tensor(std::move(made));
  });
}

} // extern "C"
