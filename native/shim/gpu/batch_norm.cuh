// Batch normalisation with the addition of a shortcut and ReLU in one pass, forward and backward, over values of
// rows × channels with the channels innermost (channels_last). Sums are made in float32, in the same order every time:
// each block leaves its part, and a second kernel adds the parts up. Where several ranks share a batch, the second kernel
// leaves one rank's part, and a third merges the parts of all ranks (shim/batch_norm.cpp gathers them between).
//
// A thread keeps to one pack of channels and goes through rows. Blocks are `across` threads along the channels by
// blockDim.x / across along the rows.

// The most threads of a block; at least as many as `across` along the channels.
const int kThreads = 256;

struct Place {
  int pack;         // which pack of channels
  bool inside;      // whether there is one
  int lane;         // which row of the block
  int lanes;
  int64 first_row;
  int64 stride;     // rows from one of this thread's rows to its next
};

DEVICE Place place_of(int packs, int across) {
  Place place;
  place.pack = blockIdx.y * across + threadIdx.x % across;
  place.inside = place.pack < packs;
  place.lane = threadIdx.x / across;
  place.lanes = blockDim.x / across;
  place.first_row = static_cast<int64>(blockIdx.x) * place.lanes + place.lane;
  place.stride = static_cast<int64>(gridDim.x) * place.lanes;
  return place;
}

// Adds up two sums of each channel over the block's rows, and leaves them in partial[block][2][channels].
template <typename Element>
DEVICE void leave_sums(const Place& place, int across, int channels, const float (*sums)[Element::count], float* partial) {
  SHARED float shared[kThreads * Element::count];
  for (int which = 0; which < 2; ++which) {
    together();
    for (int i = 0; i < Element::count; ++i) shared[threadIdx.x * Element::count + i] = sums[which][i];
    together();
    if (place.lane != 0 || !place.inside) continue;
    float* out = partial + (static_cast<int64>(blockIdx.x) * 2 + which) * channels + place.pack * Element::count;
    for (int i = 0; i < Element::count; ++i) {
      float sum = 0.0f;
      for (int lane = 0; lane < place.lanes; ++lane) sum += shared[(lane * across + threadIdx.x) * Element::count + i];
      out[i] = sum;
    }
  }
}

// Sums of x − pivot and of its square; the pivot is the channel's first value, which keeps the difference of the two
// from losing what it is made for.
template <typename Element>
DEVICE void statistics(const Pack* x, int64 rows, int channels, int across, float* partial) {
  const int packs = channels / Element::count;
  const Place place = place_of(packs, across);
  float sums[2][Element::count] = {};
  if (place.inside) {
    float pivot[Element::count], values[Element::count];
    Element::unpack(x[place.pack], pivot);
#pragma unroll 4
    for (int64 row = place.first_row; row < rows; row += place.stride) {
      Element::unpack(x[row * packs + place.pack], values);
      for (int i = 0; i < Element::count; ++i) {
        const float value = values[i] - pivot[i];
        sums[0][i] += value;
        sums[1][i] += value * value;
      }
    }
  }
  leave_sums<Element>(place, across, channels, sums, partial);
}

// Adds up what `blocks` blocks left of one channel, 8 threads together: kThreads / 8 channels a block.
const int kHelpers = 8;

DEVICE bool total_of(const float* partial, int blocks, int channels, int* channel, float* totals) {
  SHARED float shared[2][kThreads];
  const int side = blockDim.x / kHelpers > 0 ? blockDim.x / kHelpers : 1;
  const int helpers = blockDim.x / side;
  const int helper = threadIdx.x / side;
  *channel = blockIdx.x * side + threadIdx.x % side;
  const bool inside = *channel < channels;
  float sums[2] = {0.0f, 0.0f};
  if (inside) {
#pragma unroll 4
    for (int block = helper; block < blocks; block += helpers) {
      const float* part = partial + static_cast<int64>(block) * 2 * channels + *channel;
      sums[0] += part[0];
      sums[1] += part[channels];
    }
  }
  shared[0][threadIdx.x] = sums[0];
  shared[1][threadIdx.x] = sums[1];
  together();
  if (helper != 0 || !inside) return false;
  totals[0] = totals[1] = 0.0f;
  for (int other = 0; other < helpers; ++other) {
    totals[0] += shared[0][other * side + threadIdx.x];
    totals[1] += shared[1][other * side + threadIdx.x];
  }
  return true;
}

// Statistics as the passes keep them: mean and 1/σ of each channel, and the number of rows they are of, 2 · channels + 1
// values. What ranks exchange is laid out alike, with the variance in the place of 1/σ.
DEVICE int64 length_of(int channels) {
  return 2 * static_cast<int64>(channels) + 1;
}

// Mean and variance of one channel's rows. Returns false for the threads that have none.
template <typename Element>
DEVICE bool moments_of(
    const float* partial, int blocks, int channels, const Pack* x, float count, int* channel, float* mean,
    float* variance) {
  float totals[2];
  if (!total_of(partial, blocks, channels, channel, totals)) return false;
  float pivots[Element::count];
  Element::unpack(x[*channel / Element::count], pivots);
  const float shift = totals[0] / count;
  const float squares = totals[1] / count - shift * shift;
  *mean = pivots[*channel % Element::count] + shift;
  *variance = squares > 0.0f || squares != squares ? squares : 0.0f;
  return true;
}

// Keeps mean and 1/σ of a channel of `count` rows, moves its running statistics, and leaves what x is multiplied by and
// what is added then.
DEVICE void use_moments(
    int channel, int channels, float mean, float variance, float count, float epsilon, float momentum,
    const float* weight, const float* bias, float* running_mean, float* running_variance, float* saved, float* affine) {
  const float scale = 1.0f / sqrtf(variance + epsilon);
  running_mean[channel] += momentum * (mean - running_mean[channel]);
  running_variance[channel] += momentum * (variance * (count / (count - 1.0f)) - running_variance[channel]);
  saved[channel] = mean;
  saved[channels + channel] = scale;
  if (channel == 0) saved[2 * channels] = count;
  affine[channel] = weight[channel] * scale;
  affine[channels + channel] = bias[channel] - mean * weight[channel] * scale;
}

// The statistics of one rank's rows, used at once.
template <typename Element>
DEVICE void finish_statistics(
    const float* partial, int blocks, int channels, const Pack* x, int64 rows, float epsilon, float momentum,
    const float* weight, const float* bias, float* running_mean, float* running_variance, float* saved, float* affine) {
  int channel;
  float mean, variance;
  const float count = static_cast<float>(rows);
  if (!moments_of<Element>(partial, blocks, channels, x, count, &channel, &mean, &variance)) return;
  use_moments(
      channel, channels, mean, variance, count, epsilon, momentum, weight, bias, running_mean, running_variance, saved,
      affine);
}

// The statistics of one rank's rows, for merge_ranks: mean and variance of each channel, number of rows.
template <typename Element>
DEVICE void finish_local(
    const float* partial, int blocks, int channels, const Pack* x, int64 rows, float* own) {
  int channel;
  float mean, variance;
  const float count = static_cast<float>(rows);
  if (!moments_of<Element>(partial, blocks, channels, x, count, &channel, &mean, &variance)) return;
  own[channel] = mean;
  own[channels + channel] = variance;
  if (channel == 0) own[2 * channels] = count;
}

// The channel of this thread, in kernels with a thread for each.
DEVICE int channel_here() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

// ReLU's mask of a pack of outputs: bit i is set where output i is positive.
typedef unsigned char Mask;

template <typename Element>
DEVICE Mask mask_of(const Pack& outputs) {
  float values[Element::count];
  Element::unpack(outputs, values);
  unsigned bits = 0;
  for (int i = 0; i < Element::count; ++i) bits |= values[i] > 0.0f ? 1u << i : 0u;
  return static_cast<Mask>(bits);
}

// y = relu(x · scale + shift + shortcut); without a shortcut where that is null. Leaves ReLU's mask for the backward pass,
// unless that is null.
template <typename Element>
DEVICE void normalise(
    const Pack* x, const Pack* shortcut, const float* affine, Pack* y, Mask* mask, int64 rows, int channels, int across,
    int relu) {
  const int packs = channels / Element::count;
  const Place place = place_of(packs, across);
  if (!place.inside) return;
  float scale[Element::count], shift[Element::count], values[Element::count], other[Element::count];
  for (int i = 0; i < Element::count; ++i) {
    scale[i] = affine[place.pack * Element::count + i];
    shift[i] = affine[channels + place.pack * Element::count + i];
  }
#pragma unroll 4
  for (int64 row = place.first_row; row < rows; row += place.stride) {
    const int64 at = row * packs + place.pack;
    Element::unpack(x[at], values);
    for (int i = 0; i < Element::count; ++i) values[i] = values[i] * scale[i] + shift[i];
    if (shortcut) {
      Element::unpack(shortcut[at], other);
      for (int i = 0; i < Element::count; ++i) values[i] += other[i];
    }
    if (relu) {
      // NaN is no less than 0 and stays.
      for (int i = 0; i < Element::count; ++i) values[i] = values[i] < 0.0f ? 0.0f : values[i];
    }
    const Pack outputs = Element::packed(values);
    y[at] = outputs;
    if (mask) mask[at] = mask_of<Element>(outputs);
  }
}

// The gradient before ReLU: where the mask, which is null without ReLU, has a bit. Of an output that went two ways it is
// the sum of both gradients, rounded as a sum that is written and read again; `other` is null for one that went one way.
template <typename Element>
DEVICE void gradient_at(const Pack* dy, const Pack* other, const Mask* mask, int64 at, float* gradient) {
  Element::unpack(dy[at], gradient);
  if (other) {
    float added[Element::count];
    Element::unpack(other[at], added);
    for (int i = 0; i < Element::count; ++i) added[i] += gradient[i];
    Element::unpack(Element::packed(added), gradient);
  }
  if (!mask) return;
  const unsigned bits = mask[at];
  for (int i = 0; i < Element::count; ++i) gradient[i] = (bits >> i & 1u) != 0 ? gradient[i] : 0.0f;
}

// Sums of the gradient g and of g · x̂. Leaves g, unless that is null: it is the shortcut's gradient.
template <typename Element>
DEVICE void gradient_sums(
    const Pack* dy, const Pack* other, const Mask* mask, const Pack* x, const float* saved, int64 rows, int channels,
    int across, float* partial, Pack* g) {
  const int packs = channels / Element::count;
  const Place place = place_of(packs, across);
  float sums[2][Element::count] = {};
  if (place.inside) {
    float mean[Element::count], gradient[Element::count], values[Element::count];
    for (int i = 0; i < Element::count; ++i) mean[i] = saved[place.pack * Element::count + i];
#pragma unroll 2
    for (int64 row = place.first_row; row < rows; row += place.stride) {
      const int64 at = row * packs + place.pack;
      gradient_at<Element>(dy, other, mask, at, gradient);
      if (g) g[at] = Element::packed(gradient);
      Element::unpack(x[at], values);
      for (int i = 0; i < Element::count; ++i) {
        sums[0][i] += gradient[i];
        sums[1][i] += gradient[i] * (values[i] - mean[i]);
      }
    }
    // x̂ has 1/σ as well, which takes no registers within the loop.
    for (int i = 0; i < Element::count; ++i) sums[1][i] *= saved[channels + place.pack * Element::count + i];
  }
  leave_sums<Element>(place, across, channels, sums, partial);
}

// The three factors of dx = a·g + b·x + c, which is w/σ · (g − mean(g) − x̂ · mean(g·x̂)), by the sums of g and of g·x̂.
DEVICE void leave_factors(
    int channel, int channels, const float* sums, const float* weight, const float* saved, float* factors) {
  const float mean = saved[channel], scale = saved[channels + channel], count = saved[2 * channels];
  const float a = weight[channel] * scale;
  const float b = -a * scale * (sums[1] / count);
  factors[channel] = a;
  factors[channels + channel] = b;
  factors[2 * channels + channel] = -a * (sums[0] / count) - b * mean;
}

// dx, by the gradient as gradient_sums() took it, or by the g that it left, without `other` and mask.
template <typename Element>
DEVICE void input_gradient(
    const Pack* dy, const Pack* other, const Mask* mask, const Pack* x, const float* factors, Pack* dx, int64 rows,
    int channels, int across) {
  const int packs = channels / Element::count;
  const Place place = place_of(packs, across);
  if (!place.inside) return;
  float a[Element::count], b[Element::count], c[Element::count], gradient[Element::count], values[Element::count];
  for (int i = 0; i < Element::count; ++i) {
    a[i] = factors[place.pack * Element::count + i];
    b[i] = factors[channels + place.pack * Element::count + i];
    c[i] = factors[2 * channels + place.pack * Element::count + i];
  }
#pragma unroll 2
  for (int64 row = place.first_row; row < rows; row += place.stride) {
    const int64 at = row * packs + place.pack;
    gradient_at<Element>(dy, other, mask, at, gradient);
    Element::unpack(x[at], values);
    for (int i = 0; i < Element::count; ++i) values[i] = a[i] * gradient[i] + b[i] * values[i] + c[i];
    dx[at] = Element::packed(values);
  }
}

#define BATCH_NORM_KERNELS(Element, suffix)                                                                         \
  KERNEL void statistics_##suffix(const Pack* x, int64 rows, int channels, int across, float* partial) {            \
    statistics<Element>(x, rows, channels, across, partial);                                                        \
  }                                                                                                                 \
  KERNEL void finish_statistics_##suffix(                                                                           \
      const float* partial, int blocks, int channels, const Pack* x, int64 rows, float epsilon, float momentum,     \
      const float* weight, const float* bias, float* running_mean, float* running_variance, float* saved,           \
      float* affine) {                                                                                              \
    finish_statistics<Element>(                                                                                     \
        partial, blocks, channels, x, rows, epsilon, momentum, weight, bias, running_mean, running_variance, saved, \
        affine);                                                                                                    \
  }                                                                                                                 \
  KERNEL void finish_local_##suffix(                                                                                \
      const float* partial, int blocks, int channels, const Pack* x, int64 rows, float* own) {                      \
    finish_local<Element>(partial, blocks, channels, x, rows, own);                                                 \
  }                                                                                                                 \
  KERNEL void normalise_##suffix(                                                                                   \
      const Pack* x, const Pack* shortcut, const float* affine, Pack* y, Mask* mask, int64 rows, int channels,      \
      int across, int relu) {                                                                                       \
    normalise<Element>(x, shortcut, affine, y, mask, rows, channels, across, relu);                                 \
  }                                                                                                                 \
  KERNEL void gradient_sums_##suffix(                                                                               \
      const Pack* dy, const Pack* other, const Mask* mask, const Pack* x, const float* saved, int64 rows,           \
      int channels, int across, float* partial, Pack* g) {                                                          \
    gradient_sums<Element>(dy, other, mask, x, saved, rows, channels, across, partial, g);                          \
  }                                                                                                                 \
  KERNEL void input_gradient_##suffix(                                                                              \
      const Pack* dy, const Pack* other, const Mask* mask, const Pack* x, const float* factors, Pack* dx,           \
      int64 rows, int channels, int across) {                                                                       \
    input_gradient<Element>(dy, other, mask, x, factors, dx, rows, channels, across);                               \
  }

BATCH_NORM_KERNELS(Float32, float32)
BATCH_NORM_KERNELS(BFloat16, bfloat16)
BATCH_NORM_KERNELS(Float16, float16)

// The statistics of all ranks' rows by those of each (Chan et al. 1979), in the order of the ranks: every rank gets the
// same bits. A single rank's are its own, to the last bit.
KERNEL void merge_ranks(
    const float* parts, int ranks, int channels, float epsilon, float momentum, const float* weight, const float* bias,
    float* running_mean, float* running_variance, float* saved, float* affine) {
  const int channel = channel_here();
  if (channel >= channels) return;
  const int64 length = length_of(channels);
  const float* counts = parts + 2 * channels;
  float count = 0.0f;
  for (int rank = 0; rank < ranks; ++rank) count += counts[rank * length];
  const float* means = parts + channel;
  const float pivot = means[0];
  float shift = 0.0f;
  for (int rank = 0; rank < ranks; ++rank) shift += counts[rank * length] / count * (means[rank * length] - pivot);
  const float mean = pivot + shift;
  const float* variances = means + channels;
  float variance = 0.0f;
  for (int rank = 0; rank < ranks; ++rank) {
    const float distance = means[rank * length] - mean;
    variance += counts[rank * length] / count * (variances[rank * length] + distance * distance);
  }
  use_moments(
      channel, channels, mean, variance, count, epsilon, momentum, weight, bias, running_mean, running_variance, saved,
      affine);
}

// Gradients of weight and bias, which are the sums, and the factors of dx.
KERNEL void finish_gradients_all(
    const float* partial, int blocks, int channels, const float* weight, const float* saved, float* d_weight,
    float* d_bias, float* factors) {
  int channel;
  float sums[2];
  if (!total_of(partial, blocks, channels, &channel, sums)) return;
  d_bias[channel] = sums[0];
  d_weight[channel] = sums[1];
  leave_factors(channel, channels, sums, weight, saved, factors);
}

// Gradients of weight and bias by one rank's rows, and the same sums for merge_gradients: 2 · channels values.
KERNEL void finish_gradients_local(
    const float* partial, int blocks, int channels, float* d_weight, float* d_bias, float* own) {
  int channel;
  float sums[2];
  if (!total_of(partial, blocks, channels, &channel, sums)) return;
  own[channel] = d_bias[channel] = sums[0];
  own[channels + channel] = d_weight[channel] = sums[1];
}

// The factors of dx by the sums of all ranks, added in the order of the ranks.
KERNEL void merge_gradients(
    const float* parts, int ranks, int channels, const float* weight, const float* saved, float* factors) {
  const int channel = channel_here();
  if (channel >= channels) return;
  float sums[2] = {0.0f, 0.0f};
  for (int rank = 0; rank < ranks; ++rank) {
    const float* part = parts + static_cast<int64>(rank) * 2 * channels + channel;
    sums[0] += part[0];
    sums[1] += part[channels];
  }
  leave_factors(channel, channels, sums, weight, saved, factors);
}

// What evaluation multiplies by and adds: the running statistics as an affine map.
KERNEL void running_affine(
    int channels, float epsilon, const float* weight, const float* bias, const float* running_mean,
    const float* running_variance, float* affine) {
  for (int channel = blockIdx.x * blockDim.x + threadIdx.x; channel < channels; channel += gridDim.x * blockDim.x) {
    const float scale = weight[channel] / sqrtf(running_variance[channel] + epsilon);
    affine[channel] = scale;
    affine[channels + channel] = bias[channel] - running_mean[channel] * scale;
  }
}
