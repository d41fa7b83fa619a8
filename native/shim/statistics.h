// Batch statistics that a part of a network keeps from its forward pass, where its activations are computed again for the
// backward pass (recompute.cpp): the second pass normalises by what the first one found.

#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

struct KeptStatistics {
  // In the order in which the part's normalisations ran.
  std::vector<at::Tensor> tensors;
  // Set in the second pass, which takes them in that order.
  bool again = false;
  size_t next = 0;
};

// Those of the part that this thread runs; null outside of such a part.
KeptStatistics* kept_statistics();
