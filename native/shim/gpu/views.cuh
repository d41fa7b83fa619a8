// The views of a batch, one block a view: crop and bicubic resize, flip, colour, blur, solarize, normalise. The same
// operations in the same order as native/src/views/kernels/mod.rs, which says where they come from.

// What one view does to its image, as native/src/views/gpu/mod.rs writes it: 16 words.
struct ViewWords {
  int image;
  int top, left, height, width;
  int flip;
  // Colour jitter: 0 for none, else 1 + its order in base 4, first operation in the lowest digit.
  int jitter;
  float brightness, contrast, saturation, hue;
  int grayscale;
  // 0 for none.
  float blur_sigma;
  // Above 1 for none.
  float solarize;
  int unused[2];
};

struct ViewShape {
  int image_height, image_width;
  int size;
  int blur_kernel;
  // Room for the weights of a resize: of each output, so many.
  int taps;
  // Floats of a block's work space; 0: it lies in shared memory.
  int64 work;
  float mean[3], scale[3];
};

DEVICE float clamped(float value, float most) {
  return value < 0.0f ? 0.0f : value > most ? most : value;
}

DEVICE double bicubic(double x) {
  const double a = -0.5;
  x = x < 0.0 ? -x : x;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

// Start, count and weights of each output of a resize from `length` to `size` pixels.
DEVICE void prepare_taps(int length, int size, int stride, int* starts, float* weights) {
  const double scale = static_cast<double>(length) / size;
  const double stretch = scale > 1.0 ? scale : 1.0;
  const double support = 2.0 * stretch;
  for (int index = threadIdx.x; index < size; index += blockDim.x) {
    const double center = scale * (index + 0.5);
    const double low = center - support + 0.5;
    const int start = low > 0.0 ? static_cast<int>(low) : 0;
    int end = static_cast<int>(center + support + 0.5);
    end = end < length ? end : length;
    double sum = 0.0;
    for (int k = 0; k < end - start; ++k) sum += bicubic((start + k - center + 0.5) / stretch);
    for (int k = 0; k < stride; ++k) {
      const double value = k < end - start ? bicubic((start + k - center + 0.5) / stretch) : 0.0;
      weights[index * stride + k] = static_cast<float>(static_cast<double>(static_cast<float>(value)) / sum);
    }
    starts[2 * index] = start;
    starts[2 * index + 1] = end - start;
  }
}

// The sum of what the threads of the block bring, for all of them.
DEVICE float block_sum(float value, float* shared) {
  together();
  shared[threadIdx.x] = value;
  together();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    together();
  }
  return shared[0];
}

DEVICE float wrapped(float hue) {
  hue = hue < 0.0f ? hue + 6.0f : hue;
  return hue >= 6.0f ? hue - 6.0f : hue;
}

DEVICE float luminance(float red, float green, float blue) {
  return 0.2989f * red + 0.587f * green + 0.114f * blue;
}

DEVICE void turn_hue(float* pixel, int pixels, float turns) {
  const float red = pixel[0], green = pixel[pixels], blue = pixel[2 * pixels];
  const float value = fmaxf(fmaxf(red, green), blue);
  const float chroma = value - fminf(fminf(red, green), blue);
  const float scale = chroma > 0.0f ? 1.0f / chroma : 0.0f;
  float hue = value == red    ? (green - blue) * scale
      : value == green        ? 2.0f + (blue - red) * scale
                              : 4.0f + (red - green) * scale;
  hue = wrapped(hue + 6.0f * turns);
  const float offsets[3] = {5.0f, 3.0f, 1.0f};
  for (int channel = 0; channel < 3; ++channel) {
    const float distance = wrapped(hue + offsets[channel]);
    pixel[channel * pixels] = value - chroma * clamped(fminf(distance, 4.0f - distance), 1.0f);
  }
}

// Colour jitter in its order; contrast alone needs more than a pixel.
DEVICE void jitter(const ViewWords& view, float* planes, int pixels, float* shared) {
  int order = view.jitter - 1;
  for (int turn = 0; turn < 4; ++turn, order /= 4) {
    const int operation = order % 4;
    together();
    if (operation == 1) {
      float sum = 0.0f;
      for (int i = threadIdx.x; i < pixels; i += blockDim.x) {
        sum += luminance(planes[i], planes[pixels + i], planes[2 * pixels + i]);
      }
      const float shift = block_sum(sum, shared) / pixels * (1.0f - view.contrast);
      for (int i = threadIdx.x; i < 3 * pixels; i += blockDim.x) {
        planes[i] = clamped(planes[i] * view.contrast + shift, 1.0f);
      }
      continue;
    }
    for (int i = threadIdx.x; i < pixels; i += blockDim.x) {
      float* pixel = planes + i;
      if (operation == 0) {
        for (int c = 0; c < 3; ++c) pixel[c * pixels] = clamped(pixel[c * pixels] * view.brightness, 1.0f);
      } else if (operation == 2) {
        const float shift = luminance(pixel[0], pixel[pixels], pixel[2 * pixels]) * (1.0f - view.saturation);
        for (int c = 0; c < 3; ++c) pixel[c * pixels] = clamped(pixel[c * pixels] * view.saturation + shift, 1.0f);
      } else if (view.hue != 0.0f) {
        turn_hue(pixel, pixels, view.hue);
      }
    }
  }
}

// A pixel beyond the border is the one as far inside of it; the border's own is not repeated.
DEVICE int reflected(int index, int size) {
  index = index < 0 ? -index : index;
  return index >= size ? 2 * (size - 1) - index : index;
}

// Gaussian blur, along rows into `other` and along columns back.
DEVICE void blur(float sigma, int kernel, int size, float* planes, float* other, float* weights) {
  const int radius = kernel / 2, pixels = size * size;
  together();
  for (int k = threadIdx.x; k < kernel; k += blockDim.x) {
    double total = 0.0, own = 0.0;
    for (int i = 0; i < kernel; ++i) {
      const double distance = (i - radius) / static_cast<double>(sigma);
      const double density = exp(-0.5 * distance * distance);
      total += density;
      own = i == k ? density : own;
    }
    weights[k] = static_cast<float>(own / total);
  }
  together();
  for (int i = threadIdx.x; i < 3 * pixels; i += blockDim.x) {
    const int x = i % size, row = i - x;
    float sum = 0.0f;
    for (int k = 0; k < kernel; ++k) sum += weights[k] * planes[row + reflected(x + k - radius, size)];
    other[i] = sum;
  }
  together();
  for (int i = threadIdx.x; i < 3 * pixels; i += blockDim.x) {
    const int x = i % size, y = i / size % size, plane = i / pixels * pixels;
    float sum = 0.0f;
    for (int k = 0; k < kernel; ++k) sum += weights[k] * other[plane + reflected(y + k - radius, size) * size + x];
    planes[i] = sum;
  }
  together();
}

// `images`: whole images, count × 3 × height × width bytes, of which the view says a box; or, where `cropped`, the
// views' boxes resized already, size × size × 3 bytes each. `out`: views × size × size × 3 floats.
KERNEL void make_views(
    const unsigned char* images, const ViewWords* views, ViewShape shape, int cropped, float* work, float* out) {
  SHARED float sums[256];
  const ViewWords view = views[blockIdx.x];
  const int size = shape.size, pixels = size * size;
  float* memory = shape.work == 0 ? dynamic_shared : work + blockIdx.x * shape.work;
  float* planes = memory;                  // 3 × size × size
  float* other = planes + 3 * pixels;      // 3 × max(image height, size) × size
  const int tall = shape.image_height > size ? shape.image_height : size;
  float* weights = other + 3 * tall * size; // 2 × size × taps, at least the blur's kernel
  if (cropped) {
    const unsigned char* crop = images + static_cast<int64>(blockIdx.x) * 3 * pixels;
    for (int i = threadIdx.x; i < 3 * pixels; i += blockDim.x) {
      const int channel = i % 3, pixel = i / 3, x = pixel % size, row = pixel - x;
      planes[channel * pixels + row + (view.flip ? size - 1 - x : x)] = crop[i] * (1.0f / 255.0f);
    }
  } else {
    const int taps = shape.taps;
    float* row_weights = weights + size * taps;
    int* starts = reinterpret_cast<int*>(row_weights + size * taps); // 2 × size × 2
    int* row_starts = starts + 2 * size;
    prepare_taps(view.width, size, taps, starts, weights);
    prepare_taps(view.height, size, taps, row_starts, row_weights);
    together();
    const int64 area = static_cast<int64>(shape.image_height) * shape.image_width;
    const unsigned char* image = images + view.image * 3 * area;
    for (int i = threadIdx.x; i < 3 * view.height * size; i += blockDim.x) {
      const int x = i % size, y = i / size % view.height, channel = i / size / view.height;
      const int column = view.flip ? size - 1 - x : x;
      const unsigned char* line =
          image + channel * area + static_cast<int64>(view.top + y) * shape.image_width + view.left + starts[2 * column];
      float sum = 0.0f;
      for (int k = 0; k < starts[2 * column + 1]; ++k) sum += weights[column * taps + k] * line[k];
      other[i] = clamped(sum, 255.0f);
    }
    together();
    for (int i = threadIdx.x; i < 3 * pixels; i += blockDim.x) {
      const int x = i % size, y = i / size % size, channel = i / pixels;
      const float* column = other + (channel * view.height + row_starts[2 * y]) * size + x;
      float sum = 0.0f;
      for (int k = 0; k < row_starts[2 * y + 1]; ++k) sum += row_weights[y * taps + k] * column[k * size];
      planes[i] = clamped(sum * (1.0f / 255.0f), 1.0f);
    }
  }
  together();
  if (view.jitter) jitter(view, planes, pixels, sums);
  together();
  if (view.grayscale) {
    for (int i = threadIdx.x; i < pixels; i += blockDim.x) {
      const float gray = luminance(planes[i], planes[pixels + i], planes[2 * pixels + i]);
      planes[i] = planes[pixels + i] = planes[2 * pixels + i] = gray;
    }
    together();
  }
  if (view.blur_sigma > 0.0f) blur(view.blur_sigma, shape.blur_kernel, size, planes, other, weights);
  float* target = out + static_cast<int64>(blockIdx.x) * 3 * pixels;
  for (int i = threadIdx.x; i < 3 * pixels; i += blockDim.x) {
    const int channel = i % 3;
    float value = planes[channel * pixels + i / 3];
    value = value >= view.solarize ? 1.0f - value : value;
    target[i] = (value - shape.mean[channel]) * shape.scale[channel];
  }
}
