// The gradient scaler's kernel over all gradients at once, which tch lacks, for native/src/torch/scaler.rs.

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>

#include "guarded.h"

extern "C" {

// Multiplies all tensors by `factor`; `found` becomes 1 where any value was not finite.
int byol_unscale(
    at::Tensor** tensors, size_t count, at::Tensor* found, at::Tensor* factor, Message error) {
  return guarded(error, [&] {
    std::vector<at::Tensor> list;
    for (size_t index = 0; index < count; ++index) list.push_back(*tensors[index]);
    at::_amp_foreach_non_finite_check_and_unscale_(list, *found, *factor);
  });
}

} // extern "C"
