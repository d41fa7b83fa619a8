// What tch lacks of mixed precision, as C functions for native/src/torch/precision.rs: autocast with a choice of type and
// device, and the gradient scaler's kernel over all gradients at once.

#include <ATen/autocast_mode.h>
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>

#include "guarded.h"

namespace {

at::DeviceType device_type(bool cuda) { return cuda ? at::kCUDA : at::kCPU; }

} // namespace

extern "C" {

// Switches autocast on for this thread, to bfloat16 or to float16.
void byol_autocast_begin(bool cuda, bool bfloat16) {
  const auto type = device_type(cuda);
  at::autocast::set_autocast_dtype(type, bfloat16 ? at::kBFloat16 : at::kHalf);
  at::autocast::set_autocast_enabled(type, true);
  at::autocast::increment_nesting();
}

// Switches it off, and drops the casts of weights that it kept.
void byol_autocast_end(bool cuda) {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_type(cuda), false);
}

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
