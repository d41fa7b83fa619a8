// What tch lacks of libtorch's distributed engine (c10d), as C functions for
// native/src/torch/distributed.rs: the store, the process group with its collectives, the Reducer
// that averages gradients while the backward pass runs, and batch normalisation over all ranks.
// Every function returns 0, or 1 with a message in `error`; no exception leaves.

#include <torch/torch.h>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "collectives.h"
#include "guarded.h"
#include "statistics.h"

namespace {

using std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;
using Group = c10::intrusive_ptr<c10d::ProcessGroup>;

// PyTorch's defaults: a small first bucket, so that the first all-reduce starts early.
constexpr size_t kFirstBucketBytes = c10d::kDefaultFirstBucketBytes;
constexpr size_t kBucketBytes = c10d::kDefaultBucketBytesCap;

std::vector<at::Tensor> tensor_list(at::Tensor** tensors, size_t count) {
  std::vector<at::Tensor> list;
  for (size_t index = 0; index < count; ++index) list.push_back(*tensors[index]);
  return list;
}

void all_reduce(c10d::ProcessGroup& group, const at::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
  std::vector<at::Tensor> list{tensor};
  c10d::AllreduceOptions options;
  options.reduceOp = operation;
  group.allreduce(list, options)->wait();
}

// A row for each rank.
at::Tensor all_gather(c10d::ProcessGroup& group, const at::Tensor& tensor) {
  std::vector<int64_t> shape{group.getSize()};
  for (const int64_t size : tensor.sizes()) shape.push_back(size);
  auto rows = at::empty(shape, tensor.options());
  std::vector<std::vector<at::Tensor>> outputs{rows.unbind(0)};
  std::vector<at::Tensor> inputs{tensor.contiguous()};
  group.allgather(outputs, inputs)->wait();
  return rows;
}

// A Reducer that keeps its buckets. Its parent notes in each backward pass, for buckets by the
// order it saw, which parameters were ready when, until it has rebuilt them: for a Reducer that
// never does, a little more memory every step.
class FixedBuckets : public c10d::Reducer {
 public:
  template <typename... Arguments>
  explicit FixedBuckets(Arguments&&... arguments) : c10d::Reducer(std::forward<Arguments>(arguments)...) {
    has_rebuilt_bucket_ = true;
  }

  void prepare() {
    TORCH_INTERNAL_ASSERT(rebuilt_params_.empty(), "the Reducer takes notes that it never uses");
    prepare_for_backward({});
  }
};

// Mean and variance of each channel over all ranks' rows, of which every rank must bring as many; the running ones move.
KeptStatistics::One joint_moments(
    const at::Tensor& input, double count, at::Tensor running_mean, at::Tensor running_variance, double momentum,
    c10d::ProcessGroup& group) {
  const auto [local_mean, local_variance] = at::batch_norm_update_stats(input, {}, {}, 0.0);
  const auto all = all_gather(group, at::stack({local_mean, local_variance}));
  const auto means = all.select(1, 0);
  const auto mean = means.mean(0);
  const auto variance = all.select(1, 1).mean(0) + (means - mean).square().mean(0);
  running_mean.mul_(1 - momentum).add_(mean, momentum);
  running_variance.mul_(1 - momentum).add_(variance, momentum * count / (count - 1));
  return {mean, variance};
}

// Batch normalisation whose statistics and whose backward sums are those of all ranks together. Every rank must bring
// as many values. The local passes are libtorch's own kernels: in evaluation mode, with the joint statistics given as
// the running ones, they compute the output, and in the backward pass Σdy, Σdy·x̂ and the part of dx without the sums.
class SyncBatchNorm : public torch::autograd::Function<SyncBatchNorm> {
 public:
  static at::Tensor forward(
      torch::autograd::AutogradContext* context,
      const at::Tensor& input,
      const at::Tensor& weight,
      const at::Tensor& bias,
      at::Tensor running_mean,
      at::Tensor running_variance,
      double momentum,
      double epsilon,
      c10d::ProcessGroup* group) {
    const auto count = static_cast<double>(input.numel() / input.size(1) * group->getSize());
    const auto [mean, variance] = once_in_part(
        [&] { return joint_moments(input, count, running_mean, running_variance, momentum, *group); });
    context->save_for_backward({input, weight, mean, variance});
    context->saved_data["count"] = count;
    context->saved_data["epsilon"] = epsilon;
    // The group outlives the graph: the learner holds it.
    context->saved_data["group"] = reinterpret_cast<int64_t>(group);
    return std::get<0>(at::native_batch_norm(input, weight, bias, mean, variance, false, 0.0, epsilon));
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context,
      torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &input = saved[0], &weight = saved[1], &mean = saved[2], &variance = saved[3];
    const double count = context->saved_data["count"].toDouble();
    const double epsilon = context->saved_data["epsilon"].toDouble();
    auto* group = reinterpret_cast<c10d::ProcessGroup*>(context->saved_data["group"].toInt());
    auto [d_input, d_weight, d_bias] = at::native_batch_norm_backward(
        gradients[0], input, weight, mean, variance, {}, {}, false, epsilon, {true, true, true});
    const auto sums = at::stack({d_weight, d_bias});
    all_reduce(*group, sums, c10d::ReduceOp::SUM);
    // dx = w/σ · (dy − mean(dy) − x̂·mean(dy·x̂)): the kernel gave the first term, x̂ comes from the forward kernel.
    const auto scale = (variance + epsilon).rsqrt().mul_(weight).div_(-count);
    d_input.add_(std::get<0>(at::native_batch_norm(
        input, scale * sums[0], scale * sums[1], mean, variance, false, 0.0, epsilon)));
    const at::Tensor none;
    return {d_input, d_weight, d_bias, none, none, none, none, none};
  }
};

Group& opened(OpenedGroup* group) {
  return *reinterpret_cast<Group*>(group);
}

} // namespace

int ranks_of(OpenedGroup* group) {
  return opened(group)->getSize();
}

at::Tensor gathered(OpenedGroup* group, at::Tensor own) {
  auto all = at::empty({own.numel() * ranks_of(group)}, own.options());
  opened(group)->_allgather_base(all, own)->wait();
  return all;
}

extern "C" {

int byol_store_open(
    const char* host, uint16_t port, bool server, int64_t timeout, Store** out, Message error) {
  return guarded(error, [&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = server;
    options.waitWorkers = false;
    options.timeout = milliseconds(timeout);
    // The other back end is libuv, which crashes inside of Deno: Deno exports uv_ symbols of its own.
    options.useLibUV = false;
    *out = new Store(c10::make_intrusive<c10d::TCPStore>(host, options));
  });
}

int byol_store_set(Store* store, const char* key, const uint8_t* value, size_t length, Message error) {
  return guarded(error, [&] { (*store)->set(key, std::vector<uint8_t>(value, value + length)); });
}

// Sets a key that is not there; the first one to do so wins.
int byol_store_claim(Store* store, const char* key, const uint8_t* value, size_t length, Message error) {
  return guarded(error, [&] {
    (*store)->compareSet(key, std::vector<uint8_t>(), std::vector<uint8_t>(value, value + length));
  });
}

int byol_store_check(Store* store, const char* key, bool* there, Message error) {
  return guarded(error, [&] { *there = (*store)->check({key}); });
}

// Reads a key that is there into `out`; `length` is its whole length, also where `capacity` is less.
int byol_store_get(
    Store* store, const char* key, uint8_t* out, size_t capacity, size_t* length, Message error) {
  return guarded(error, [&] {
    const auto value = (*store)->get(key);
    *length = value.size();
    std::copy_n(value.begin(), std::min(capacity, value.size()), out);
  });
}

// Reads a counter of each rank: `prefix`0, `prefix`1, …
int byol_store_counters(Store* store, const char* prefix, int64_t* out, size_t count, Message error) {
  return guarded(error, [&] {
    std::vector<std::string> keys;
    for (size_t index = 0; index < count; ++index) keys.push_back(prefix + std::to_string(index));
    const auto values = (*store)->multiGet(keys);
    for (size_t index = 0; index < count; ++index) {
      out[index] = std::stoll(std::string(values[index].begin(), values[index].end()));
    }
  });
}

void byol_store_close(Store* store) {
  delete store;
}

// `interface` names a network interface; else `host` an address of this machine; else the machine's name decides.
int byol_group_open(
    Store* store, int rank, int size, const char* interface, const char* host, int64_t timeout, Group** out,
    Message error) {
  return guarded(error, [&] {
    using Gloo = c10d::ProcessGroupGloo;
    const auto options = Gloo::Options::create(milliseconds(timeout));
    options->devices.push_back(
        *interface  ? Gloo::createDeviceForInterface(interface)
            : *host ? Gloo::createDeviceForHostname(host)
                    : Gloo::createDefaultDevice());
    auto group = c10::make_intrusive<c10d::ProcessGroup>(*store, rank, size);
    group->setBackend(
        c10::DeviceType::CPU,
        c10d::ProcessGroup::BackendType::GLOO,
        c10::make_intrusive<Gloo>(*store, rank, size, options));
    group->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    *out = new Group(std::move(group));
  });
}

// Every rank gets rank 0's values.
int byol_group_broadcast(Group* group, at::Tensor** tensors, size_t count, Message error) {
  return guarded(error, [&] {
    for (auto& tensor : tensor_list(tensors, count)) {
      // Of a parameter the values, and of any layout in memory the elements in order.
      auto values = tensor.detach();
      std::vector<at::Tensor> list{values.contiguous()};
      (*group)->broadcast(list)->wait();
      if (!list[0].is_same(values)) values.copy_(list[0]);
    }
  });
}

int byol_group_all_reduce(Group* group, at::Tensor* tensor, bool maximum, Message error) {
  return guarded(error, [&] {
    all_reduce(**group, *tensor, maximum ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM);
  });
}

int byol_group_all_gather(Group* group, at::Tensor* tensor, at::Tensor** out, Message error) {
  return guarded(error, [&] { *out = new at::Tensor(all_gather(**group, *tensor)); });
}

// Collectives that this rank has begun so far.
int byol_group_collectives(Group* group, uint64_t* out, Message error) {
  return guarded(error, [&] { *out = (*group)->getSequenceNumberForGroup(); });
}

int byol_group_barrier(Group* group, Message error) {
  return guarded(error, [&] { (*group)->barrier()->wait(); });
}

// Fails where a collective between GPUs has failed or took too long: what waits for the device learns nothing of it, as
// NCCL's watchdog ends the collective on the device (shim/gpu/nccl.cpp). Collectives between processors fail by themselves.
int byol_group_check(Group* group, Message error) {
  return guarded(error, [&] {
    for (const auto& device : (*group)->getDeviceTypes()) {
      if (device.type() != c10::DeviceType::CUDA) continue;
      const auto state = (*group)->getBackend(device.type())->getError();
      TORCH_CHECK(state != c10d::ErrorType::TIMEOUT, "NCCL: a collective of the ranks' GPUs took too long");
      TORCH_CHECK(state == c10d::ErrorType::SUCCESS, "NCCL: a collective of the ranks' GPUs failed");
    }
  });
}

// Ends the threads of NCCL's part first: they would end the process where the group is only deleted.
void byol_group_close(Group* group) {
  char ignored[64];
  guarded({ignored, sizeof ignored}, [&] { (*group)->shutdown(); });
  delete group;
}

// Ends the threads of NCCL's part of a group that has failed, and what its collectives left on the device; no other rank
// is waited for. The group itself stays to the end of the process.
void byol_group_abort(Group* group) {
  char ignored[64];
  guarded({ignored, sizeof ignored}, [&] { (*group)->abort(); });
}

// Averages the gradients of `parameters` over the ranks during a backward pass that byol_reducer_prepare announced.
int byol_reducer_open(
    Group* group, at::Tensor** parameters, size_t count, FixedBuckets** out, Message error) {
  return guarded(error, [&] {
    const auto list = tensor_list(parameters, count);
    // Gradients become ready from the last layer to the first: buckets in that order, once and for all. The Reducer
    // could rebuild them after the first step by the order it saw, but then sums would be in another order, and a
    // resumed run would differ from an unbroken one.
    std::vector<at::Tensor> reversed(list.rbegin(), list.rend());
    std::vector<int64_t> indices(count);
    for (size_t index = 0; index < count; ++index) indices[index] = static_cast<int64_t>(count - 1 - index);
    const auto buckets = std::get<0>(
        c10d::compute_bucket_assignment_by_size(reversed, {kFirstBucketBytes, kBucketBytes}, {}, indices));
    *out = new FixedBuckets(
        list,
        buckets,
        *group,
        std::vector<bool>(count, false),
        kBucketBytes,
        /*find_unused_parameters=*/false,
        // The gradients live in the buckets: without, each step copies all of them in and out again, which costs a
        // step of one rank up to 2.3 % where all the rest of the machinery stays under 1 %.
        /*gradient_as_bucket_view=*/true,
        /*param_names=*/std::unordered_map<size_t, std::string>(),
        kFirstBucketBytes,
        /*skip_all_reduce_unused_params=*/false,
        /*use_python_reducer=*/false,
        /*bucket_bytes_cap_list=*/std::vector<int64_t>());
  });
}

int byol_reducer_prepare(FixedBuckets* reducer, Message error) {
  return guarded(error, [&] { reducer->prepare(); });
}

int byol_reducer_close(FixedBuckets* reducer, Message error) {
  return guarded(error, [&] { delete reducer; });
}

int byol_sync_batch_norm(
    Group* group,
    at::Tensor* input,
    at::Tensor* weight,
    at::Tensor* bias,
    at::Tensor* running_mean,
    at::Tensor* running_variance,
    double momentum,
    double epsilon,
    at::Tensor** out,
    Message error) {
  return guarded(error, [&] {
    *out = new at::Tensor(SyncBatchNorm::apply(
        *input, *weight, *bias, *running_mean, *running_variance, momentum, epsilon, group->get()));
  });
}

} // extern "C"
