// libtorch brings ProcessGroupGloo, but not the headers of Gloo that its header includes. The files in this folder declare
// what it names, and no more: nothing here is called by the shim, all of Gloo's code is inside of libtorch_cpu.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

} // namespace gloo
