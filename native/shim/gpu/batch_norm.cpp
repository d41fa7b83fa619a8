// Batch normalisation, a shortcut added and ReLU in one pass (batch_norm.cuh), for autograd: what
// libtorch does in three operations that each read and write the whole activation.

#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

#include "../guarded.h"
#include "kernels.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr unsigned kThreads = 256;
constexpr unsigned kChannelsOfFinish = kThreads / 8;
// Blocks that share the rows: enough to keep every multiprocessor busy, few enough to add up quickly.
constexpr int64_t kBlocksOfSums = 512;
constexpr int64_t kBlocks = 2048;

const char* suffix(at::ScalarType type) {
  return type == at::kBFloat16 ? "bfloat16" : type == at::kHalf ? "float16" : "float32";
}

int64_t pack_of(at::ScalarType type) {
  return type == at::kFloat ? 4 : 8;
}

// Rows × channels with the channels innermost, and how blocks share them.
struct Layout {
  int64_t rows;
  int channels;
  int across;
  unsigned groups;
  int64_t lanes;

  explicit Layout(const at::Tensor& values)
      : rows(values.numel() / values.size(1)), channels(static_cast<int>(values.size(1))) {
    const int packs = static_cast<int>(channels / pack_of(values.scalar_type()));
    across = 1;
    while (across < 32 && across < packs) across *= 2;
    groups = static_cast<unsigned>((packs + across - 1) / across);
    lanes = kThreads / across;
  }

  dim3 grid(int64_t most) const {
    const int64_t wanted = (rows + 4 * lanes - 1) / (4 * lanes);
    return dim3(static_cast<unsigned>(std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, most / groups))), groups, 1);
  }
};

at::Tensor innermost(const at::Tensor& values) {
  return values.contiguous(values.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

void* pointer(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr() : nullptr;
}

at::Tensor normalised(
    const at::Tensor& x, const at::Tensor& shortcut, const at::Tensor& affine, const Layout& layout, bool relu) {
  auto y = at::empty_like(x);
  void *in = pointer(x), *other = pointer(shortcut), *map = pointer(affine), *out = pointer(y);
  int64_t rows = layout.rows;
  int channels = layout.channels, across = layout.across, rectified = relu;
  byol::launch(
      std::string("normalise_") + suffix(x.scalar_type()), layout.grid(kBlocks), kThreads, 0,
      {&in, &other, &map, &out, &rows, &channels, &across, &rectified});
  return y;
}

class BatchNormRelu : public torch::autograd::Function<BatchNormRelu> {
 public:
  static at::Tensor forward(
      AutogradContext* context, const at::Tensor& input, const std::optional<at::Tensor>& shortcut_or_none, const at::Tensor& weight,
      const at::Tensor& bias, const at::Tensor& running_mean, const at::Tensor& running_variance, double momentum,
      double epsilon, bool relu) {
    const auto x = innermost(input);
    const auto shortcut = shortcut_or_none ? innermost(shortcut_or_none->to(x.scalar_type())) : at::Tensor();
    const Layout layout(x);
    const auto grid = layout.grid(kBlocksOfSums);
    const auto floats = weight.options();
    auto partial = at::empty({grid.x, 2, layout.channels}, floats);
    auto saved = at::empty({2, layout.channels}, floats), affine = at::empty({2, layout.channels}, floats);
    void *in = pointer(x), *parts = pointer(partial), *w = pointer(weight), *b = pointer(bias);
    void *mean = pointer(running_mean), *variance = pointer(running_variance), *kept = pointer(saved), *map = pointer(affine);
    int64_t rows = layout.rows;
    int channels = layout.channels, across = layout.across, blocks = static_cast<int>(grid.x);
    float eps = static_cast<float>(epsilon), move = static_cast<float>(momentum);
    const std::string type = suffix(x.scalar_type());
    byol::launch("statistics_" + type, grid, kThreads, 0, {&in, &rows, &channels, &across, &parts});
    byol::launch(
        "finish_statistics_" + type, dim3((channels + kChannelsOfFinish - 1) / kChannelsOfFinish), kThreads, 0,
        {&parts, &blocks, &channels, &in, &rows, &eps, &move, &w, &b, &mean, &variance, &kept, &map});
    auto y = normalised(x, shortcut, affine, layout, relu);
    context->save_for_backward({x, relu ? y : at::Tensor(), weight, saved});
    context->saved_data["shortcut"] = shortcut.defined();
    return y;
  }

  // libtorch calls it in a thread whose current device is the tensors'.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &y = saved[1], &weight = saved[2], &statistics = saved[3];
    const auto dy = innermost(gradients[0].to(x.scalar_type()));
    const Layout layout(x);
    const auto grid = layout.grid(kBlocksOfSums);
    const auto floats = weight.options();
    auto partial = at::empty({grid.x, 2, layout.channels}, floats), factors = at::empty({3, layout.channels}, floats);
    auto d_weight = at::empty({layout.channels}, floats), d_bias = at::empty({layout.channels}, floats);
    auto dx = at::empty_like(x);
    auto d_shortcut = context->saved_data["shortcut"].toBool() ? at::empty_like(x) : at::Tensor();
    void *given = pointer(dy), *out = pointer(y), *in = pointer(x), *kept = pointer(statistics), *w = pointer(weight);
    void *parts = pointer(partial), *three = pointer(factors), *dw = pointer(d_weight), *db = pointer(d_bias);
    void *dxs = pointer(dx), *others = pointer(d_shortcut);
    int64_t rows = layout.rows;
    int channels = layout.channels, across = layout.across, blocks = static_cast<int>(grid.x);
    const std::string type = suffix(x.scalar_type());
    byol::launch(
        "gradient_sums_" + type, grid, kThreads, 0, {&given, &out, &in, &kept, &rows, &channels, &across, &parts});
    byol::launch(
        "finish_gradients_all", dim3((channels + kChannelsOfFinish - 1) / kChannelsOfFinish), kThreads, 0,
        {&parts, &blocks, &channels, &rows, &w, &kept, &dw, &db, &three});
    byol::launch(
        "input_gradient_" + type, layout.grid(kBlocks), kThreads, 0,
        {&given, &out, &in, &three, &dxs, &others, &rows, &channels, &across});
    const at::Tensor none;
    return {dx, d_shortcut, d_weight, d_bias, none, none, none, none, none};
  }
};

} // namespace

extern "C" {

// Whether byol_gpu_batch_norm takes such an input.
bool byol_gpu_batch_norm_takes(const at::Tensor* input) {
  const auto type = input->scalar_type();
  const bool narrow = type == at::kFloat || type == at::kBFloat16 || type == at::kHalf;
  return input->is_cuda() && narrow && (input->dim() == 2 || input->dim() == 4) && input->numel() > 0 &&
      input->size(1) % pack_of(type) == 0;
}

// relu(batch_norm(input) + shortcut); in training by the batch's statistics, and the running ones move. `shortcut` may
// be null. Parameters and statistics are float32.
int byol_gpu_batch_norm(
    const at::Tensor* input, const at::Tensor* shortcut, const at::Tensor* weight, const at::Tensor* bias,
    const at::Tensor* running_mean, const at::Tensor* running_variance, bool train, double momentum, double epsilon,
    bool relu, at::Tensor** out, Message error) {
  return guarded(error, [&] {
    const c10::DeviceGuard device(input->device());
    const auto other = shortcut ? std::optional(*shortcut) : std::nullopt;
    if (train) {
      *out = new at::Tensor(BatchNormRelu::apply(
          *input, other, *weight, *bias, *running_mean, *running_variance, momentum, epsilon, relu));
      return;
    }
    TORCH_CHECK(!at::GradMode::is_enabled(), "evaluation has no backward pass");
    const auto x = innermost(*input);
    const Layout layout(x);
    auto affine = at::empty({2, layout.channels}, weight->options());
    void *w = pointer(*weight), *b = pointer(*bias), *mean = pointer(*running_mean);
    void *variance = pointer(*running_variance), *map = pointer(affine);
    int channels = layout.channels;
    float eps = static_cast<float>(epsilon);
    byol::launch(
        "running_affine", dim3((channels + kThreads - 1) / kThreads), kThreads, 0,
        {&channels, &eps, &w, &b, &mean, &variance, &map});
    *out = new at::Tensor(
        normalised(x, other ? innermost(other->to(x.scalar_type())) : at::Tensor(), affine, layout, relu));
  });
}

} // extern "C"
