// The processor's memory of tensors, for native/src/torch/memory.rs. Of large blocks, those that
// are freed are kept for the next tensors of their size: a step asks for the same sizes as the step
// before. glibc gives blocks of 32 MiB and more back to the system and gets new ones, whose pages
// the system clears one by one, which takes a fifth of a step of ResNet-18.
//
// At most 15 % more is held than ever was in use at once: where it would be more, the blocks that
// were freed first are given back. Without these 15 %, a step of ResNet-18 gives back and gets again
// an eighth of what it allocates, as its sizes do not fit each other. The peak of memory is so about
// that of a program that keeps nothing; a block may be an eighth larger than what is asked for.

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>

namespace {

// Smaller ones are the C library's.
constexpr size_t kLarge = 1 << 20;
constexpr size_t kGrain = 1 << 16;
constexpr size_t kSlackPercent = 15;

// The blocks that are kept, by size, and the sizes of those in use.
class Blocks {
 public:
  void* take(size_t bytes) {
    const size_t size = (bytes + kGrain - 1) / kGrain * kGrain;
    const std::lock_guard<std::mutex> guard(mutex_);
    auto found = kept_.lower_bound(size);
    // A block that is a little too large serves, too.
    if (found == kept_.end() || found->first - size > size / 8) {
      void* const address = fresh(size);
      // Where the system gives nothing more, the C library may have some left, or says in
      // libtorch's words that it has not.
      return address ? started(address, size) : c10::alloc_cpu(bytes);
    }
    const auto [its_size, block] = *found;
    kept_.erase(found);
    kept_bytes_ -= its_size;
    return started(block.address, its_size);
  }

  // False where the block is none of these.
  bool give(void* address) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const auto found = used_.find(address);
    if (found == used_.end()) return false;
    const size_t size = found->second;
    used_.erase(found);
    used_bytes_ -= size;
    kept_bytes_ += size;
    kept_.emplace(size, Kept{address, clock_++});
    return true;
  }

 private:
  struct Kept {
    void* address;
    uint64_t freed;
  };

  void* started(void* address, size_t size) {
    used_.emplace(address, size);
    used_bytes_ += size;
    most_used_ = std::max(most_used_, used_bytes_);
    return address;
  }

  // Null where there is none.
  void* fresh(size_t size) {
    const size_t most_used = std::max(most_used_, used_bytes_ + size);
    const size_t most = most_used + most_used * kSlackPercent / 100;
    while (!kept_.empty() && used_bytes_ + kept_bytes_ + size > most) give_back();
    for (;;) {
      void* const address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (address != MAP_FAILED) {
        // One page fault for 2 MiB where the system allows it, in place of 512; where not, nothing is lost.
        madvise(address, size, MADV_HUGEPAGE);
        return address;
      }
      if (kept_.empty()) return nullptr;
      give_back();
    }
  }

  // The one that was freed first, to the system.
  void give_back() {
    const auto oldest = std::min_element(
        kept_.begin(), kept_.end(), [](const auto& one, const auto& other) { return one.second.freed < other.second.freed; });
    munmap(oldest->second.address, oldest->first);
    kept_bytes_ -= oldest->first;
    kept_.erase(oldest);
  }

  std::mutex mutex_;
  std::multimap<size_t, Kept> kept_;
  std::unordered_map<void*, size_t> used_;
  size_t used_bytes_ = 0, kept_bytes_ = 0, most_used_ = 0;
  uint64_t clock_ = 0;
};

// Tensors may outlive everything else: it is never destroyed.
Blocks& blocks() {
  static auto* const all = new Blocks;
  return *all;
}

void release(void* address) {
  if (address != nullptr && !blocks().give(address)) c10::free_cpu(address);
}

class Keeping final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* const address = bytes >= kLarge ? blocks().take(bytes) : c10::alloc_cpu(bytes);
    return {address, address, &release, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override {
    return &release;
  }

  void copy_data(void* to, const void* from, size_t count) const override {
    default_copy_data(to, from, count);
  }
};

} // namespace

extern "C" {

// From now on tensors of the processor get their memory so.
void byol_keep_freed_memory() {
  c10::SetCPUAllocator(new Keeping);
}

} // extern "C"
