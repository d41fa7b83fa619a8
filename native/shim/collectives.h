// A collective for autograd's functions outside of distributed.cpp.

#pragma once

#include <ATen/core/Tensor.h>

// A process group as byol_group_open made it.
struct OpenedGroup;

int ranks_of(OpenedGroup* group);

// The vectors of all ranks, one after the other in the order of the ranks; each rank brings as many values. One
// collective, without copies on NCCL, for which the current stream waits and not the processor.
at::Tensor gathered(OpenedGroup* group, at::Tensor own);
