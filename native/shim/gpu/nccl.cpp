// The GPUs' side of the ranks: ProcessGroupNCCL as the group's backend for CUDA tensors. It links
// libtorch_cuda and NCCL, so it is a library of its own, opened only where a GPU is used
// (native/src/torch/distributed.rs); what it is given are objects of shim/distributed.cpp, which
// lives in the core.

#include <torch/torch.h>

#include <cstdlib>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace {

// A collective that fails or takes too long ends on the device, and byol_group_check tells: by NCCL's default its watchdog
// would end the process by an exception that nobody catches, with a core dump and no name. The watchdog waits four times
// the last number before it acts, for a dump that nobody reads.
void keep_the_process() {
  setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", std::to_string(c10d::CleanUpOnly).c_str(), /*overwrite=*/1);
  setenv("TORCH_NCCL_RETHROW_CUDA_ERRORS", "0", /*overwrite=*/0);
  setenv("TORCH_NCCL_DUMP_ON_TIMEOUT", "0", /*overwrite=*/0);
  setenv("TORCH_NCCL_WAIT_TIMEOUT_DUMP_MILSEC", "100", /*overwrite=*/0);
}

} // namespace

extern "C" int byol_nccl_attach(
    c10::intrusive_ptr<c10d::ProcessGroup>* group,
    c10::intrusive_ptr<c10d::Store>* store,
    int64_t timeout,
    char* error,
    size_t capacity) {
  try {
    keep_the_process();
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
