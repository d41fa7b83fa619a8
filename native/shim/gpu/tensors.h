// Tensors that one launch goes through (optimizer.cuh), as an argument by value: a kernel takes at most 4 kB of them. For
// the kernels and for the code that launches them (shim/foreach.cpp).

// The most tensors of a launch.
const int kTensors = 96;
// The most lists, which go in step: those of LARS are weights, gradients and momentum.
const int kLists = 3;

struct Tensors {
  // Of all these tensors together.
  long long elements;
  float* lists[kLists][kTensors];
  long long lengths[kTensors];
  // The block that begins each tensor, and behind the last one the number of blocks.
  int first_block[kTensors + 1];
  int count;
  // Elements of a block.
  int chunk;
};

// One step of LARS (You et al. 2017).
struct LarsStep {
  float momentum, decay, eta;
  // Whether the learning rate enters the momentum, or is applied to what it holds.
  int rate_inside;
  // Whether the adapted rate is at most the learning rate.
  int clipped;
};
