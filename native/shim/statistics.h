// Batch statistics that a part of a network keeps from its forward pass, where its activations are computed again for the
// backward pass (recompute.cpp): the second pass normalises by what the first one found.

#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

struct KeptStatistics {
  // Of one normalisation.
  using One = std::array<at::Tensor, 2>;

  // In the order in which the part's normalisations ran.
  std::vector<at::Tensor> tensors;
  // Set in the second pass, which takes them in that order.
  bool again = false;
  size_t next = 0;
};

// Those of the part that this thread runs; null outside of such a part.
KeptStatistics* kept_statistics();

// What `compute` returns; in the second pass of a part what the first one kept, and nothing is computed.
template <typename Compute>
KeptStatistics::One once_in_part(Compute compute) {
  auto* kept = kept_statistics();
  if (kept == nullptr || !kept->again) {
    const KeptStatistics::One made = compute();
    if (kept != nullptr) kept->tensors.insert(kept->tensors.end(), made.begin(), made.end());
    return made;
  }
  TORCH_CHECK(kept->next + 2 <= kept->tensors.size(), "a part has more normalisations than in its first pass");
  kept->next += 2;
  return {kept->tensors[kept->next - 2], kept->tensors[kept->next - 1]};
}
