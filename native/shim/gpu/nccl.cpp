// The GPUs' side of the ranks: ProcessGroupNCCL as the group's backend for CUDA tensors. It links
// libtorch_cuda and NCCL, so it is a library of its own, opened only where a GPU is used
// (native/src/torch/distributed.rs); what it is given are objects of shim/distributed.cpp, which
// lives in the core.

#include <torch/torch.h>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

extern "C" int byol_nccl_attach(
    c10::intrusive_ptr<c10d::ProcessGroup>* group,
    c10::intrusive_ptr<c10d::Store>* store,
    int64_t timeout,
    char* error,
    size_t capacity) {
  try {
    const auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = std::chrono::milliseconds(timeout);
    (*group)->setBackend(
        c10::DeviceType::CUDA,
        c10d::ProcessGroup::BackendType::NCCL,
        c10::make_intrusive<c10d::ProcessGroupNCCL>(
            *store, (*group)->getRank(), (*group)->getSize(), options));
    return 0;
  } catch (const std::exception& failure) {
    std::snprintf(error, capacity, "%s", failure.what());
  }
  return 1;
}
