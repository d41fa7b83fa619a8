// A CUDA graph: what is enqueued between begin and end is recorded, not run, and then runs as often as it is asked to,
// on the same memory, without the processor's work of enqueuing it.

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

#include "../guarded.h"
#include "kernels.h"

namespace {

struct Graph {
  at::cuda::CUDAGraph graph;
  // The graph's own memory.
  c10::MempoolId_t pool = at::cuda::graph_pool_handle();
  // Recording takes a stream of its own; the one to go back to.
  c10::cuda::CUDAStream before = c10::cuda::getCurrentCUDAStream();
  bool recording = false;

  void begin() {
    c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool());
    recording = true;
    graph.capture_begin(pool);
  }

  void end() {
    recording = false;
    try {
      graph.capture_end();
    } catch (...) {
      abandon();
      throw;
    }
    c10::cuda::setCurrentCUDAStream(before);
  }

  // Back to where live steps run: a capture whose end fails leaves libtorch's allocator on the graph's pool.
  void abandon() {
    namespace allocator = c10::cuda::CUDACachingAllocator;
    c10::cuda::setCurrentCUDAStream(before);
    // Each fails where the capture had not come so far.
    try {
      allocator::endAllocateToPool(before.device_index(), pool);
    } catch (const c10::Error&) {
    }
    try {
      allocator::releasePool(before.device_index(), pool);
    } catch (const c10::Error&) {
    }
  }

  // What failed on its way is forgotten.
  ~Graph() {
    if (!recording) return;
    try {
      end();
    } catch (...) {
    }
  }
};

} // namespace

extern "C" {

int byol_gpu_graph_begin(Graph** out, Message error) {
  return guarded(error, [&] {
    auto graph = std::make_unique<Graph>();
    c10::cuda::device_synchronize();
    // The steps before left their memory with the allocator; the graph keeps memory of its own.
    c10::cuda::CUDACachingAllocator::emptyCache();
    graph->begin();
    *out = graph.release();
  });
}

int byol_gpu_graph_end(Graph* graph, Message error) {
  return guarded(error, [&] { graph->end(); });
}

int byol_gpu_graph_replay(Graph* graph, Message error) {
  return guarded(error, [&] { graph->graph.replay(); });
}

void byol_gpu_graph_close(Graph* graph) {
  delete graph;
}

} // extern "C"
