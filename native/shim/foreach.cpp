// The optimizer's and the target's steps over all tensors at once, by libtorch's foreach operations, for
// native/src/torch/foreach.rs: on a GPU a few kernels in place of a few for each tensor. Numbers that change from step
// to step are tensors of no dimension, so that a recorded step (shim/gpu/graph.cpp) reads them anew each time.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "guarded.h"

namespace {

std::vector<at::Tensor> tensor_list(at::Tensor** tensors, size_t count) {
  std::vector<at::Tensor> list;
  list.reserve(count);
  for (size_t index = 0; index < count; ++index) list.push_back(tensors[index]->detach());
  return list;
}

// eta·‖w‖/‖g‖ of each tensor, or 1 where either norm is 0.
at::Tensor local_rates(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& gradients, double eta) {
  const auto weight_norms = at::stack(at::_foreach_norm(weights));
  const auto gradient_norms = at::stack(at::_foreach_norm(gradients));
  const auto rates = weight_norms.mul(eta).div_(gradient_norms);
  return at::where(weight_norms.mul(gradient_norms) > 0, rates, at::ones_like(rates));
}

// min(eta·‖w‖ / ((‖g‖ + decay·‖w‖ + 1e-8)·rate), 1) of each tensor, as solo-learn's clip_lr: times the rate, it is at
// most the rate. 1 where ‖w‖ is 0; 0 where ‖g‖ is, as a tensor without gradient is not decayed there.
at::Tensor clipped_rates(
    const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& gradients, double eta, double decay,
    const at::Tensor& rate) {
  const auto weight_norms = at::stack(at::_foreach_norm(weights));
  const auto gradient_norms = at::stack(at::_foreach_norm(gradients));
  const auto lengths = weight_norms.mul(decay).add_(gradient_norms).add_(1e-8);
  const auto rates = weight_norms.mul(eta).div_(lengths).div_(rate).clamp_max_(1);
  const auto adapted = at::where(weight_norms > 0, rates, at::ones_like(rates));
  return adapted.masked_fill(gradient_norms == 0, 0);
}

} // namespace

extern "C" {

struct LarsNumbers {
  double momentum, weight_decay, eta;
  // Whether the learning rate enters the momentum buffer, or is applied to what it holds.
  bool rate_inside;
  // Whether the adapted rate is at most the learning rate.
  bool clipped;
};

// One step of LARS (You et al. 2017) in place. Tensors of at most one dimension (biases, batch
// normalisation) are neither decayed nor adapted: decided by dimension, as name filters miss some
// of them. Where `skip`, a bool of no dimension that may be null, is true, nothing moves, whatever
// the gradients hold.
int byol_lars(
    at::Tensor** parameters, at::Tensor** gradients, at::Tensor** buffers, size_t count, const LarsNumbers* numbers,
    const at::Tensor* rate, const at::Tensor* skip, Message error) {
  return guarded(error, [&] {
    if (count == 0) return;
    const at::NoGradGuard no_grad;
    const auto given_weights = tensor_list(parameters, count), given_gradients = tensor_list(gradients, count);
    const auto given_buffers = tensor_list(buffers, count);
    // Weights first, then vectors.
    std::vector<at::Tensor> weights, moved, held, updates, vector_gradients;
    for (const bool vectors : {false, true}) {
      for (size_t index = 0; index < count; ++index) {
        if ((given_weights[index].dim() <= 1) != vectors) continue;
        moved.push_back(given_weights[index]);
        held.push_back(given_buffers[index]);
        const auto gradient = skip ? given_gradients[index].masked_fill(*skip, 0) : given_gradients[index];
        (vectors ? vector_gradients : updates).push_back(gradient);
        if (!vectors) weights.push_back(given_weights[index]);
      }
    }
    if (!weights.empty()) {
      const auto gradients_alone = updates;
      updates = at::_foreach_add(updates, weights, numbers->weight_decay);
      auto rates = numbers->clipped
          ? clipped_rates(weights, gradients_alone, numbers->eta, numbers->weight_decay, *rate)
          : local_rates(weights, updates, numbers->eta);
      if (numbers->rate_inside) rates.mul_(*rate);
      if (skip) rates.masked_fill_(*skip, 0);
      at::_foreach_mul_(updates, rates.unbind());
    }
    if (!vector_gradients.empty()) {
      if (numbers->rate_inside) vector_gradients = at::_foreach_mul(vector_gradients, *rate);
      updates.insert(updates.end(), vector_gradients.begin(), vector_gradients.end());
    }
    if (skip) {
      at::_foreach_mul_(held, at::full_like(*rate, numbers->momentum).masked_fill_(*skip, 1));
    } else {
      at::_foreach_mul_(held, numbers->momentum);
    }
    at::_foreach_add_(held, updates);
    if (numbers->rate_inside && !skip) {
      at::_foreach_sub_(moved, held);
      return;
    }
    auto factor = numbers->rate_inside ? at::ones_like(*rate) : rate->clone();
    if (skip) factor.masked_fill_(*skip, 0);
    at::_foreach_sub_(moved, at::_foreach_mul(held, factor));
  });
}

// target ← target + weight · (online − target), in place.
int byol_move_average(
    at::Tensor** targets, at::Tensor** online, size_t count, const at::Tensor* weight, Message error) {
  return guarded(error, [&] {
    if (count == 0) return;
    const at::NoGradGuard no_grad;
    const auto moved = tensor_list(targets, count);
    auto changes = at::_foreach_sub(tensor_list(online, count), moved);
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
