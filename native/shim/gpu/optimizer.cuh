// LARS and the target's moving average over many tensors at once: each number is read and written once, beside the norms,
// for which weights and gradients are read once before. Sums are made in float32, in the same order every time.

// Part of a tensor that a block goes through.
struct Chunk {
  int tensor;
  int64 begin, end;
};

DEVICE Chunk chunk_of(const Tensors& tensors) {
  const int block = static_cast<int>(blockIdx.x);
  int tensor = 0;
  while (block >= tensors.first_block[tensor + 1]) ++tensor;
  const int64 begin = static_cast<int64>(block - tensors.first_block[tensor]) * tensors.chunk;
  const int64 length = tensors.lengths[tensor];
  return {tensor, begin, begin + tensors.chunk < length ? begin + tensors.chunk : length};
}

// The sums of two numbers over the block, for every thread.
DEVICE void block_sums(float* sums) {
  SHARED float shared[2][kThreads];
  for (int which = 0; which < 2; ++which) shared[which][threadIdx.x] = sums[which];
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    together();
    if (threadIdx.x >= half) continue;
    for (int which = 0; which < 2; ++which) shared[which][threadIdx.x] += shared[which][threadIdx.x + half];
  }
  together();
  for (int which = 0; which < 2; ++which) sums[which] = shared[which][0];
}

// The squares of a block's weights and of its gradients, which are decayed before unless the rate is clipped: two numbers
// in `partial`, those of block 0 at 2 · first.
KERNEL void lars_norms(Tensors tensors, LarsStep step, int first, float* partial) {
  const Chunk chunk = chunk_of(tensors);
  const float* weights = tensors.lists[0][chunk.tensor];
  const float* gradients = tensors.lists[1][chunk.tensor];
  const float decay = step.clipped ? 0.0f : step.decay;
  float sums[2] = {0.0f, 0.0f};
#pragma unroll 4
  for (int64 at = chunk.begin + threadIdx.x; at < chunk.end; at += blockDim.x) {
    const float weight = weights[at], gradient = gradients[at] + decay * weight;
    sums[0] += weight * weight;
    sums[1] += gradient * gradient;
  }
  block_sums(sums);
  if (threadIdx.x != 0) return;
  float* own = partial + 2 * (static_cast<int64>(first) + blockIdx.x);
  own[0] = sums[0];
  own[1] = sums[1];
}

// The factor of a tensor's rate by the norms of weights and gradients: eta·‖w‖/‖g‖, or 1 where either is 0. Clipped:
// min(eta·‖w‖ / ((‖g‖ + decay·‖w‖ + 1e-8)·rate), 1), 1 where ‖w‖ is 0, 0 where ‖g‖ is.
DEVICE float local_rate(const LarsStep& step, float weights, float gradients, float rate) {
  if (!step.clipped) return weights * gradients > 0.0f ? step.eta * weights / gradients : 1.0f;
  if (gradients == 0.0f) return 0.0f;
  if (!(weights > 0.0f)) return 1.0f;
  const float factor = step.eta * weights / (weights * step.decay + gradients + 1e-8f) / rate;
  return factor > 1.0f ? 1.0f : factor;
}

// One step in place. Weights have `partial` of lars_norms(); vectors, for which it is null, are neither decayed nor adapted.
// Where `skip`, which may be null, is true, nothing moves, whatever the gradients hold.
KERNEL void lars_step(
    Tensors tensors, LarsStep step, int first, const float* partial, const float* rate, const bool* skip) {
  if (skip && *skip) return;
  const Chunk chunk = chunk_of(tensors);
  float factor = 1.0f, decay = 0.0f;
  if (partial) {
    // Every block of a tensor adds the same parts in the same order.
    float sums[2] = {0.0f, 0.0f};
    const int begin = tensors.first_block[chunk.tensor], end = tensors.first_block[chunk.tensor + 1];
    for (int block = begin + static_cast<int>(threadIdx.x); block < end; block += blockDim.x) {
      for (int which = 0; which < 2; ++which) sums[which] += partial[2 * (static_cast<int64>(first) + block) + which];
    }
    block_sums(sums);
    factor = local_rate(step, sqrtf(sums[0]), sqrtf(sums[1]), *rate);
    decay = step.decay;
  }
  if (step.rate_inside) factor *= *rate;
  const float outside = step.rate_inside ? 1.0f : *rate;
  float* weights = tensors.lists[0][chunk.tensor];
  const float* gradients = tensors.lists[1][chunk.tensor];
  float* momentum = tensors.lists[2][chunk.tensor];
#pragma unroll 4
  for (int64 at = chunk.begin + threadIdx.x; at < chunk.end; at += blockDim.x) {
    const float weight = weights[at];
    const float held = momentum[at] * step.momentum + (gradients[at] + decay * weight) * factor;
    momentum[at] = held;
    weights[at] = weight - held * outside;
  }
}

// target ← target + share · (online − target), in place.
KERNEL void move_average(Tensors tensors, const float* share) {
  const Chunk chunk = chunk_of(tensors);
  float* targets = tensors.lists[0][chunk.tensor];
  const float* online = tensors.lists[1][chunk.tensor];
#pragma unroll 4
  for (int64 at = chunk.begin + threadIdx.x; at < chunk.end; at += blockDim.x) {
    targets[at] += *share * (online[at] - targets[at]);
  }
}
