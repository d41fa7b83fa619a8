// A convolution whose weights' gradient is a product of matrices, for native/src/torch/convolution.rs.

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>

#include "guarded.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;
// Places of the images that one product takes: enough for its speed, few enough that their patches stay in the cache.
constexpr int64_t kPlaces = 512;

struct Geometry {
  int64_t side, stride, padding;
};

// The sum over images and places of gradient × patch (im2col): outputs × inputs × side × side, channels innermost.
at::Tensor weight_gradient(const at::Tensor& input, const at::Tensor& gradient, const Geometry& geometry) {
  const auto [side, stride, padding] = geometry;
  const auto padded = padding == 0 ? input : at::constant_pad_nd(input, {padding, padding, padding, padding});
  const auto x = padded.contiguous(kChannelsLast);
  const auto y = gradient.contiguous(kChannelsLast).permute({0, 2, 3, 1});
  const int64_t count = y.size(0), height = y.size(1), width = y.size(2), outputs = y.size(3), inputs = x.size(1);
  // A patch is `side` runs of memory, one for each of its rows.
  const int64_t row = x.size(3) * inputs, run = side * inputs, patch = side * run;
  const auto patches =
      x.as_strided({count, height, width, side, run}, {x.size(2) * row, stride * row, stride * inputs, row, 1});
  const int64_t images = std::clamp<int64_t>(kPlaces / (height * width), 1, count);
  const int64_t rows = images > 1 ? height : std::clamp<int64_t>(kPlaces / width, 1, height);
  auto sum = at::zeros({outputs, patch}, x.options());
  const auto memory = at::empty({images * rows * width, patch}, x.options());
  for (int64_t image = 0; image < count; image += images) {
    const int64_t n = std::min(images, count - image);
    for (int64_t top = 0; top < height; top += rows) {
      const int64_t h = std::min(rows, height - top);
      const auto columns = memory.narrow(0, 0, n * h * width);
      columns.view({n, h, width, side, run}).copy_(patches.narrow(0, image, n).narrow(1, top, h));
      const auto part = y.narrow(0, image, n).narrow(1, top, h).reshape({n * h * width, outputs});
      sum.addmm_(part.t(), columns);
    }
  }
  return sum.view({outputs, side, side, inputs}).permute({0, 3, 1, 2});
}

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight, int64_t stride, int64_t padding) {
  const std::array<int64_t, 2> strides{stride, stride}, paddings{padding, padding};
  return at::conv2d(input, weight, {}, strides, paddings);
}

class Convolution : public torch::autograd::Function<Convolution> {
 public:
  static at::Tensor forward(
      AutogradContext* context, const at::Tensor& input, const at::Tensor& weight, int64_t stride, int64_t padding) {
    context->save_for_backward({input, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return convolution(input, weight, stride, padding);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &input = saved[0], &weight = saved[1];
    const int64_t stride = context->saved_data["stride"].toInt(), padding = context->saved_data["padding"].toInt();
    at::Tensor d_input;
    if (context->needs_input_grad(0)) {
      d_input = std::get<0>(at::convolution_backward(
          gradients[0], input, weight, at::OptionalIntArrayRef(), {stride, stride}, {padding, padding}, {1, 1},
          /*transposed=*/false, {0, 0}, /*groups=*/1, {true, false, false}));
    }
    const at::Tensor none;
    return {d_input, weight_gradient(input, gradients[0], {weight.size(2), stride, padding}), none, none};
  }
};

} // namespace

extern "C" {

int byol_convolution(
    const at::Tensor* input, const at::Tensor* weight, int64_t stride, int64_t padding, at::Tensor** out,
    Message error) {
  return guarded(error, [&] {
    // Under autocast ours would see the input before it is narrowed, and narrow gradients.
    const bool mixed = at::autocast::is_autocast_enabled(at::kCPU);
    *out = new at::Tensor(
        mixed ? convolution(*input, *weight, stride, padding)
              : Convolution::apply(*input, *weight, stride, padding));
  });
}

} // extern "C"
