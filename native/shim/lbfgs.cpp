// libtorch's L-BFGS with its strong Wolfe line search, which tch lacks, for native/src/torch/lbfgs.rs: of one parameter,
// whose loss and gradient the caller computes.

#include <torch/optim/lbfgs.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "guarded.h"

namespace {

constexpr size_t kObjectiveMessageCapacity = 2048;
// Evaluations of one iteration's line search are at most 25; without this, libtorch stops at 1.25 for each iteration.
constexpr int64_t kEvaluationsPerIteration = 26;

// Gives the loss at the parameter, and writes the gradient into the tensor that the optimizer was opened with.
using Objective = int (*)(void* context, double* loss, Message error);

} // namespace

struct Lbfgs {
  at::Tensor parameter;
  torch::optim::LBFGS optimizer;
};

struct LbfgsNumbers {
  // Iterations of a call of byol_lbfgs_step.
  int64_t iterations;
  // Pairs of steps and gradient differences that approximate the curvature.
  int64_t history;
  // Ends where no element of the gradient is larger, or where loss or parameter change by no more.
  double gradient_tolerance, change_tolerance;
};

extern "C" {

int byol_lbfgs_open(
    at::Tensor* parameter, at::Tensor* gradient, const LbfgsNumbers* numbers, Lbfgs** out, Message error) {
  return guarded(error, [&] {
    parameter->mutable_grad() = *gradient;
    const auto options = torch::optim::LBFGSOptions(1)
                             .max_iter(numbers->iterations)
                             .max_eval(numbers->iterations * kEvaluationsPerIteration)
                             .history_size(numbers->history)
                             .tolerance_grad(numbers->gradient_tolerance)
                             .tolerance_change(numbers->change_tolerance)
                             .line_search_fn("strong_wolfe");
    *out = new Lbfgs{*parameter, torch::optim::LBFGS(std::vector<at::Tensor>{*parameter}, options)};
  });
}

// Goes some iterations on, and writes the number of all iterations so far.
int byol_lbfgs_step(Lbfgs* lbfgs, Objective objective, void* context, int64_t* iterations, Message error) {
  return guarded(error, [&] {
    lbfgs->optimizer.step([&] {
      char text[kObjectiveMessageCapacity] = "";
      double loss = 0;
      if (objective(context, &loss, Message{text, kObjectiveMessageCapacity}) != 0) throw std::runtime_error(text);
      return at::scalar_tensor(loss, at::kDouble);
    });
    const auto& states = lbfgs->optimizer.state();
    const auto found = states.find(lbfgs->parameter.unsafeGetTensorImpl());
    *iterations = found == states.end()
        ? 0
        : static_cast<const torch::optim::LBFGSParamState&>(*found->second).n_iter();
  });
}

void byol_lbfgs_close(Lbfgs* lbfgs) {
  delete lbfgs;
}

} // extern "C"
