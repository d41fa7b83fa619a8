// Autocast with a choice of type and device, which tch lacks, as C functions for native/src/torch/autocast.rs.

#include <ATen/autocast_mode.h>

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

} // extern "C"
