// The optimizer's and the target's steps over all tensors at once, for native/src/torch/foreach.rs: by our own kernels
// (gpu/optimizer.cuh) or by libtorch's foreach operations, a few kernels in place of a few for each tensor. Numbers that
// change from step to step are tensors of no dimension, so that a recorded step (shim/gpu/graph.cpp) reads them anew.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "gpu/tensors.h"
#include "guarded.h"
#include "launch.h"

struct LarsNumbers {
  double momentum, weight_decay, eta;
  // Whether the learning rate enters the momentum buffer, or is applied to what it holds.
  bool rate_inside;
  // Whether the adapted rate is at most the learning rate.
  bool clipped;
};

namespace {

using TensorList = std::vector<at::Tensor>;

// Elements of a block on a GPU.
constexpr int kChunk = 16384;

// Whether two tensors hold their elements in one order, without gaps.
bool in_step(const at::Tensor& one, const at::Tensor& other) {
  if (one.sizes() != other.sizes() || !other.is_non_overlapping_and_dense()) return false;
  for (int64_t side = 0; side < one.dim(); ++side) {
    if (one.size(side) > 1 && one.stride(side) != other.stride(side)) return false;
  }
  return true;
}

// Whether our own kernels take lists that go in step, and a number of the step.
bool fits(const Kernels* kernels, std::initializer_list<const TensorList*> lists, const at::Tensor& number) {
  if (kernels == nullptr) return false;
  const auto taken = [&](const at::Tensor& tensor) {
    return tensor.scalar_type() == at::kFloat && tensor.device() == number.device();
  };
  const auto& first = **lists.begin();
  for (const auto* list : lists) {
    for (size_t index = 0; index < first.size(); ++index) {
      const auto& tensor = (*list)[index];
      if (!taken(tensor) || !in_step(first[index], tensor)) return false;
    }
  }
  return taken(number);
}

// The tensors of each launch.
std::vector<Tensors> launches_over(const Kernels& kernels, std::initializer_list<const TensorList*> lists) {
  const auto& first = **lists.begin();
  int64_t longest = 1;
  for (const auto& tensor : first) longest = std::max(longest, tensor.numel());
  const int chunk = kernels.blocks == 0
      ? kChunk
      : static_cast<int>((longest + kernels.blocks - 1) / kernels.blocks);
  std::vector<Tensors> all;
  for (size_t index = 0; index < first.size(); ++index) {
    const int64_t length = first[index].numel();
    if (length == 0) continue;
    if (all.empty() || all.back().count == kTensors) {
      all.emplace_back();
      all.back().chunk = chunk;
    }
    auto& tensors = all.back();
    int which = 0;
    for (const auto* list : lists) tensors.lists[which++][tensors.count] = (*list)[index].data_ptr<float>();
    tensors.lengths[tensors.count] = length;
    const int blocks = static_cast<int>((length + chunk - 1) / chunk);
    tensors.first_block[tensors.count + 1] = tensors.first_block[tensors.count] + blocks;
    tensors.elements += length;
    ++tensors.count;
  }
  return all;
}

Grid grid_of(const Tensors& tensors) {
  return {static_cast<unsigned>(tensors.first_block[tensors.count]), 1};
}

// Parameters with their gradients and momentum buffers, in one order.
struct Learned {
  TensorList weights, gradients, buffers;

  // Those of at most one dimension, or the others.
  Learned part(bool vectors) const {
    Learned part;
    for (size_t index = 0; index < weights.size(); ++index) {
      if ((weights[index].dim() <= 1) != vectors) continue;
      part.weights.push_back(weights[index]);
      part.gradients.push_back(gradients[index]);
      part.buffers.push_back(buffers[index]);
    }
    return part;
  }
};

// LARS by our own kernels; `adapted` where the tensors are decayed and adapted.
void lars_by_kernels(
    const Kernels& kernels, const Learned& learned, const LarsStep& step, bool adapted, const at::Tensor& rate,
    const at::Tensor& skip) {
  const auto all = launches_over(kernels, {&learned.weights, &learned.gradients, &learned.buffers});
  int64_t blocks = 0;
  for (const auto& tensors : all) blocks += grid_of(tensors).across;
  const auto partial = adapted ? at::empty({2 * blocks}, rate.options()) : at::Tensor();
  int first = 0;
  for (const auto& tensors : all) {
    const auto grid = grid_of(tensors);
    if (adapted) launch(kernels, "lars_norms", grid, tensors, step, first, partial);
    launch(kernels, "lars_step", grid, tensors, step, first, partial, rate, skip);
    first += static_cast<int>(grid.across);
  }
}

TensorList tensor_list(at::Tensor** tensors, size_t count) {
  TensorList list;
  list.reserve(count);
  for (size_t index = 0; index < count; ++index) list.push_back(tensors[index]->detach());
  return list;
}

// eta·‖w‖/‖g‖ of each tensor, or 1 where either norm is 0.
at::Tensor local_rates(const TensorList& weights, const TensorList& gradients, double eta) {
  const auto weight_norms = at::stack(at::_foreach_norm(weights));
  const auto gradient_norms = at::stack(at::_foreach_norm(gradients));
  const auto rates = weight_norms.mul(eta).div_(gradient_norms);
  return at::where(weight_norms.mul(gradient_norms) > 0, rates, at::ones_like(rates));
}

// min(eta·‖w‖ / ((‖g‖ + decay·‖w‖ + 1e-8)·rate), 1) of each tensor, as solo-learn's clip_lr: times the rate, it is at
// most the rate. 1 where ‖w‖ is 0; 0 where ‖g‖ is, as a tensor without gradient is not decayed there.
at::Tensor clipped_rates(
    const TensorList& weights, const TensorList& gradients, double eta, double decay,
    const at::Tensor& rate) {
  const auto weight_norms = at::stack(at::_foreach_norm(weights));
  const auto gradient_norms = at::stack(at::_foreach_norm(gradients));
  const auto lengths = weight_norms.mul(decay).add_(gradient_norms).add_(1e-8);
  const auto rates = weight_norms.mul(eta).div_(lengths).div_(rate).clamp_max_(1);
  const auto adapted = at::where(weight_norms > 0, rates, at::ones_like(rates));
  return adapted.masked_fill(gradient_norms == 0, 0);
}

// LARS by libtorch's operations.
void lars_by_foreach(
    const Learned& learned, const LarsNumbers& numbers, const at::Tensor& rate, const at::Tensor& skip) {
  // Weights first, then vectors.
  TensorList weights, moved, held, updates, vector_gradients;
  for (const bool vectors : {false, true}) {
    const auto part = learned.part(vectors);
    moved.insert(moved.end(), part.weights.begin(), part.weights.end());
    held.insert(held.end(), part.buffers.begin(), part.buffers.end());
    for (const auto& gradient : part.gradients) {
      (vectors ? vector_gradients : updates).push_back(skip.defined() ? gradient.masked_fill(skip, 0) : gradient);
    }
    if (!vectors) weights = part.weights;
  }
  if (!weights.empty()) {
    const auto gradients_alone = updates;
    updates = at::_foreach_add(updates, weights, numbers.weight_decay);
    auto rates = numbers.clipped
        ? clipped_rates(weights, gradients_alone, numbers.eta, numbers.weight_decay, rate)
        : local_rates(weights, updates, numbers.eta);
    if (numbers.rate_inside) rates.mul_(rate);
    if (skip.defined()) rates.masked_fill_(skip, 0);
    at::_foreach_mul_(updates, rates.unbind());
  }
  if (!vector_gradients.empty()) {
    if (numbers.rate_inside) vector_gradients = at::_foreach_mul(vector_gradients, rate);
    updates.insert(updates.end(), vector_gradients.begin(), vector_gradients.end());
  }
  if (skip.defined()) {
    at::_foreach_mul_(held, at::full_like(rate, numbers.momentum).masked_fill_(skip, 1));
  } else {
    at::_foreach_mul_(held, numbers.momentum);
  }
  at::_foreach_add_(held, updates);
  if (numbers.rate_inside && !skip.defined()) {
    at::_foreach_sub_(moved, held);
    return;
  }
  auto factor = numbers.rate_inside ? at::ones_like(rate) : rate.clone();
  if (skip.defined()) factor.masked_fill_(skip, 0);
  at::_foreach_sub_(moved, at::_foreach_mul(held, factor));
}

} // namespace

extern "C" {

// One step of LARS (You et al. 2017) in place. Tensors of at most one dimension (biases, batch
// normalisation) are neither decayed nor adapted: decided by dimension, as name filters miss some
// of them. Where `skip`, a bool of no dimension that may be null, is true, nothing moves, whatever
// the gradients hold. Our own kernels take tensors of float32, where `kernels` is not null.
int byol_lars(
    const Kernels* kernels, at::Tensor** parameters, at::Tensor** gradients, at::Tensor** buffers, size_t count,
    const LarsNumbers* numbers, const at::Tensor* rate, const at::Tensor* skip, Message error) {
  return guarded(error, [&] {
    if (count == 0) return;
    const at::NoGradGuard no_grad;
    const Learned learned{tensor_list(parameters, count), tensor_list(gradients, count), tensor_list(buffers, count)};
    const auto skipped = skip ? *skip : at::Tensor();
    if (!fits(kernels, {&learned.weights, &learned.gradients, &learned.buffers}, *rate)) {
      lars_by_foreach(learned, *numbers, *rate, skipped);
      return;
    }
    const c10::DeviceGuard device(rate->device());
    const LarsStep step{
        static_cast<float>(numbers->momentum), static_cast<float>(numbers->weight_decay),
        static_cast<float>(numbers->eta), numbers->rate_inside, numbers->clipped};
    for (const bool vectors : {false, true}) {
      lars_by_kernels(*kernels, learned.part(vectors), step, !vectors, *rate, skipped);
    }
  });
}

// target ← target + weight · (online − target), in place.
int byol_move_average(
    const Kernels* kernels, at::Tensor** targets, at::Tensor** online, size_t count, const at::Tensor* weight,
    Message error) {
  return guarded(error, [&] {
    if (count == 0) return;
    const at::NoGradGuard no_grad;
    const auto moved = tensor_list(targets, count), followed = tensor_list(online, count);
    if (fits(kernels, {&moved, &followed}, *weight)) {
      const c10::DeviceGuard device(weight->device());
      for (const auto& tensors : launches_over(*kernels, {&moved, &followed})) {
        launch(*kernels, "move_average", grid_of(tensors), tensors, *weight);
      }
      return;
    }
    auto changes = at::_foreach_sub(followed, moved);
    at::_foreach_mul_(changes, *weight);
    at::_foreach_add_(moved, changes);
  });
}

// Fills tensors with zeros.
int byol_zero(at::Tensor** tensors, size_t count, Message error) {
  return guarded(error, [&] {
    if (count == 0) return;
    const at::NoGradGuard no_grad;
    at::_foreach_zero_(tensor_list(tensors, count));
  });
}

} // extern "C"
