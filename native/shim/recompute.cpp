// A part of a network whose activations are not kept for the backward pass, which computes them again (activation
// checkpointing, Chen et al. 2016), for native/src/torch/recompute.rs: tch has no operation of one's own for autograd.

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <memory>

#include "guarded.h"
#include "statistics.h"

namespace {

thread_local KeptStatistics* current = nullptr;

// Lends the running part its statistics.
class Lent {
 public:
  explicit Lent(KeptStatistics& statistics) : before_(current) {
    current = &statistics;
  }
  ~Lent() {
    current = before_;
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

 private:
  KeptStatistics* before_;
};

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr size_t kForwardMessageCapacity = 2048;

// What the part makes of an input, as a tensor for the caller to delete; `recompute` in the
// backward pass. Both pointers are the caller's, and are valid until the backward pass is over.
using Forward = int (*)(
    const void* part, const void* parameters, const at::Tensor* input, bool recompute, at::Tensor** out, Message error);

at::Tensor run(
    Forward forward, const void* part, const void* parameters, const at::Tensor& input, KeptStatistics& statistics) {
  const Lent lent(statistics);
  char text[kForwardMessageCapacity] = "";
  at::Tensor* out = nullptr;
  const int failed = forward(part, parameters, &input, statistics.again, &out, Message{text, kForwardMessageCapacity});
  if (failed != 0) throw std::runtime_error(text);
  return *std::unique_ptr<at::Tensor>(out);
}

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  static at::Tensor forward(
      AutogradContext* context, const at::Tensor& input, Forward forward, const void* part, const void* parameters) {
    context->save_for_backward({input});
    context->saved_data["forward"] = reinterpret_cast<int64_t>(forward);
    context->saved_data["part"] = reinterpret_cast<int64_t>(part);
    context->saved_data["parameters"] = reinterpret_cast<int64_t>(parameters);
    KeptStatistics statistics;
    const auto output = run(forward, part, parameters, input, statistics);
    context->saved_data["statistics"] = statistics.tensors;
    return output;
  }

  // The parameters' gradients are added where a backward pass through the part alone leaves them.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto pointer = [&](const char* name) { return reinterpret_cast<void*>(context->saved_data[name].toInt()); };
    auto input = context->get_saved_variables()[0].detach();
    input.requires_grad_(true);
    KeptStatistics statistics{context->saved_data["statistics"].toTensorVector(), true};
    at::Tensor output;
    {
      const at::AutoGradMode enabled(true);
      const auto forward = reinterpret_cast<Forward>(pointer("forward"));
      output = run(forward, pointer("part"), pointer("parameters"), input, statistics);
    }
    torch::autograd::backward({output}, {gradients[0]});
    const at::Tensor none;
    return {input.grad(), none, none, none};
  }
};

} // namespace

KeptStatistics* kept_statistics() {
  return current;
}

extern "C" {

int byol_recomputed(
    const at::Tensor* input, Forward forward, const void* part, const void* parameters, at::Tensor** out,
    Message error) {
  return guarded(error, [&] { *out = new at::Tensor(Recomputed::apply(*input, forward, part, parameters)); });
}

} // extern "C"
