// Batch normalisation, a shortcut added and ReLU in one pass (gpu/batch_norm.cuh), for autograd: what libtorch does in
// three operations that each read and write the whole activation. By the statistics of one rank's rows or of all ranks':
// then each rank leaves its part, one collective in each direction gathers the parts, and every rank merges them.

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <string>

#include "collectives.h"
#include "guarded.h"
#include "launch.h"
#include "statistics.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Threads that add up what the blocks left of one channel.
constexpr unsigned kHelpers = 8;
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
  Kernels kernels;
  int64_t rows;
  int channels;
  int across;
  unsigned groups;
  int64_t lanes;

  Layout(const at::Tensor& values, const Kernels& kernels)
      : kernels(kernels),
        rows(values.numel() / values.size(1)),
        channels(static_cast<int>(values.size(1))) {
    const int packs = static_cast<int>(channels / pack_of(values.scalar_type()));
    across = 1;
    while (across < 32 && across < packs) across *= 2;
    groups = static_cast<unsigned>((packs + across - 1) / across);
    lanes = kernels.threads / across;
  }

  Grid over_rows(int64_t most) const {
    if (kernels.blocks > 0) return {kernels.blocks, groups};
    const int64_t wanted = (rows + 4 * lanes - 1) / (4 * lanes);
    return {static_cast<unsigned>(std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, most / groups))), groups};
  }

  // For kernels in which `helpers` threads share a channel.
  Grid over_channels(unsigned helpers) const {
    const unsigned of_block = kernels.threads / helpers;
    return {(static_cast<unsigned>(channels) + of_block - 1) / of_block, 1};
  }
};

at::Tensor innermost(const at::Tensor& values) {
  return values.contiguous(values.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

// What a normalisation learns and what it keeps of the batches before.
struct Norm {
  at::Tensor weight, bias, running_mean, running_variance;
  float momentum, epsilon;
};

// Mean, 1/σ and number of rows of the input, or of all ranks' with a group, and the affine map that they make of it; the
// running ones move.
KeptStatistics::One statistics_of(const at::Tensor& x, const Layout& layout, const Norm& norm, OpenedGroup* group) {
  const auto& [kernels, rows, channels, across, groups, lanes] = layout;
  const auto grid = layout.over_rows(kBlocksOfSums);
  const int blocks = static_cast<int>(grid.across);
  const auto floats = norm.weight.options();
  const auto empty = [&](int64_t length) { return at::empty({length}, floats); };
  const auto partial = empty(int64_t{2} * blocks * channels);
  const auto saved = empty(2 * channels + 1), affine = empty(2 * channels);
  const std::string type = suffix(x.scalar_type());
  const auto per_channel = layout.over_channels(kHelpers);
  launch(kernels, "statistics_" + type, grid, x, rows, channels, across, partial);
  if (group == nullptr) {
    launch(
        kernels, "finish_statistics_" + type, per_channel, partial, blocks, channels, x, rows, norm.epsilon,
        norm.momentum, norm.weight, norm.bias, norm.running_mean, norm.running_variance, saved, affine);
    return {saved, affine};
  }
  const auto own = empty(2 * channels + 1);
  launch(kernels, "finish_local_" + type, per_channel, partial, blocks, channels, x, rows, own);
  const auto all = gathered(group, own);
  launch(
      kernels, "merge_ranks", layout.over_channels(1), all, ranks_of(group), channels, norm.epsilon, norm.momentum,
      norm.weight, norm.bias, norm.running_mean, norm.running_variance, saved, affine);
  return {saved, affine};
}

// `mask` is filled where it is defined.
at::Tensor normalised(
    const at::Tensor& x, const at::Tensor& shortcut, const at::Tensor& affine, const at::Tensor& mask,
    const Layout& layout, bool relu) {
  auto y = at::empty_like(x);
  launch(
      layout.kernels, std::string("normalise_") + suffix(x.scalar_type()), layout.over_rows(kBlocks), x, shortcut,
      affine, y, mask, layout.rows, layout.channels, layout.across, static_cast<int>(relu));
  return y;
}

struct Mode {
  double momentum, epsilon;
  bool relu;
  // Whether a backward pass may come.
  bool has_gradient;
  // Whether the output is returned twice, and each has a gradient of its own.
  bool forked;
};

// Both gradients of an output that goes two ways, dense and of the input's type; `other` is undefined where one has come.
struct Gradients {
  at::Tensor dy, other;

  Gradients(const variable_list& given, at::ScalarType type) {
    for (const auto& one : given) {
      if (!one.defined()) continue;
      auto dense = innermost(one.to(type));
      (dy.defined() ? other : dy) = std::move(dense);
    }
  }
};

class BatchNormRelu : public torch::autograd::Function<BatchNormRelu> {
 public:
  static variable_list forward(
      AutogradContext* context, const at::Tensor& input, const std::optional<at::Tensor>& shortcut_or_none,
      const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& running_mean,
      const at::Tensor& running_variance, Mode mode, const Kernels* kernels, OpenedGroup* group) {
    const auto x = innermost(input);
    const auto shortcut = shortcut_or_none ? innermost(shortcut_or_none->to(x.scalar_type())) : at::Tensor();
    const Layout layout(x, *kernels);
    const Norm norm{weight, bias, running_mean, running_variance, static_cast<float>(mode.momentum),
                    static_cast<float>(mode.epsilon)};
    const auto [saved, affine] = once_in_part([&] { return statistics_of(x, layout, norm, group); });
    // A byte for each pack: a sixteenth of the output, which the backward pass would read for it.
    const auto mask = mode.relu && mode.has_gradient
        ? at::empty({x.numel() / pack_of(x.scalar_type())}, x.options().dtype(at::kByte))
        : at::Tensor();
    auto y = normalised(x, shortcut, affine, mask, layout, mode.relu);
    context->save_for_backward({x, mask, weight, saved});
    context->saved_data["shortcut"] = shortcut.defined();
    // Both outlive the graph: the kernels for the life of the process, the group in the learner.
    context->saved_data["kernels"] = reinterpret_cast<int64_t>(kernels);
    context->saved_data["group"] = reinterpret_cast<int64_t>(group);
    if (!mode.forked) return {y};
    // Of two outputs, one may get no gradient.
    context->set_materialize_grads(false);
    return {y, y.variable_data()};
  }

  // libtorch calls it in a thread whose current device is the tensors'.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto tensors = context->get_saved_variables();
    const auto &x = tensors[0], &mask = tensors[1], &weight = tensors[2], &saved = tensors[3];
    const Gradients given(gradients, x.scalar_type());
    const at::Tensor none;
    if (!given.dy.defined()) return variable_list(9);
    const auto pointer = [&](const char* name) { return reinterpret_cast<void*>(context->saved_data[name].toInt()); };
    const Layout layout(x, *static_cast<const Kernels*>(pointer("kernels")));
    auto* group = static_cast<OpenedGroup*>(pointer("group"));
    const auto& [kernels, rows, channels, across, groups, lanes] = layout;
    const auto grid = layout.over_rows(kBlocksOfSums);
    const int blocks = static_cast<int>(grid.across);
    const auto floats = weight.options();
    const auto empty = [&](int64_t length) { return at::empty({length}, floats); };
    const auto partial = empty(int64_t{2} * blocks * channels), factors = empty(3 * channels);
    auto d_weight = empty(channels), d_bias = empty(channels);
    const std::string type = suffix(x.scalar_type());
    const auto per_channel = layout.over_channels(kHelpers);
    // The gradient before ReLU is the shortcut's: written once, it is what the second pass reads.
    const auto d_shortcut = context->saved_data["shortcut"].toBool() ? at::empty_like(x) : none;
    launch(
        kernels, "gradient_sums_" + type, grid, given.dy, given.other, mask, x, saved, rows, channels, across, partial,
        d_shortcut);
    if (group == nullptr) {
      launch(
          kernels, "finish_gradients_all", per_channel, partial, blocks, channels, weight, saved, d_weight, d_bias,
          factors);
    } else {
      const auto own = empty(2 * channels);
      launch(kernels, "finish_gradients_local", per_channel, partial, blocks, channels, d_weight, d_bias, own);
      const auto all = gathered(group, own);
      launch(
          kernels, "merge_gradients", layout.over_channels(1), all, ranks_of(group), channels, weight, saved, factors);
    }
    const bool left = d_shortcut.defined();
    auto dx = at::empty_like(x);
    launch(
        kernels, "input_gradient_" + type, layout.over_rows(kBlocks), left ? d_shortcut : given.dy,
        left ? none : given.other, left ? none : mask, x, factors, dx, rows, channels, across);
    return {dx, d_shortcut, d_weight, d_bias, none, none, none, none, none};
  }
};

} // namespace

extern "C" {

// Whether byol_batch_norm takes an input of such a type and shape.
bool byol_batch_norm_takes(const at::Tensor* input) {
  const auto type = input->scalar_type();
  const bool narrow = type == at::kFloat || type == at::kBFloat16 || type == at::kHalf;
  return narrow && (input->dim() == 2 || input->dim() == 4) && input->numel() > 0 &&
      input->size(1) % pack_of(type) == 0;
}

// relu(batch_norm(input) + shortcut); in training by the batch's statistics, of all ranks where there is a group, and the
// running ones move. `shortcut` and `group` may be null. Parameters and statistics are float32. Where `branch` is not null,
// it gets the same values with a gradient of their own, for the second of two ways.
int byol_batch_norm(
    const Kernels* kernels, OpenedGroup* group, const at::Tensor* input, const at::Tensor* shortcut,
    const at::Tensor* weight, const at::Tensor* bias, const at::Tensor* running_mean,
    const at::Tensor* running_variance, bool train, double momentum, double epsilon, bool relu, at::Tensor** out,
    at::Tensor** branch, Message error) {
  return guarded(error, [&] {
    const c10::DeviceGuard device(input->device());
    const auto other = shortcut ? std::optional(*shortcut) : std::nullopt;
    if (train) {
      const Mode mode{momentum, epsilon, relu, at::GradMode::is_enabled(), branch != nullptr};
      const auto made = BatchNormRelu::apply(
          *input, other, *weight, *bias, *running_mean, *running_variance, mode, kernels, group);
      *out = new at::Tensor(made[0]);
      if (branch) *branch = new at::Tensor(made[1]);
      return;
    }
    TORCH_CHECK(!at::GradMode::is_enabled(), "evaluation has no backward pass");
    const auto x = innermost(*input);
    const Layout layout(x, *kernels);
    const auto affine = at::empty({2 * layout.channels}, weight->options());
    launch(
        *kernels, "running_affine", layout.over_channels(1), layout.channels, static_cast<float>(epsilon), *weight,
        *bias, *running_mean, *running_variance, affine);
    *out = new at::Tensor(
        normalised(x, other ? innermost(other->to(x.scalar_type())) : at::Tensor(), affine, {}, layout, relu));
    if (branch) *branch = new at::Tensor(**out);
  });
}

} // extern "C"
