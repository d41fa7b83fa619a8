// What the kernels share: packs of 16 bytes of one type, as float32 in registers. Compiled at run
// time for the GPU that is there, without any header; and by a C++ compiler for threads of the
// processor, which tests run (native/src/torch/gpu/tests.rs, native/src/views/gpu/tests.rs).

#ifdef BYOL_EMULATED
// emulator.cpp brings threadIdx, blockIdx, blockDim, gridDim, dynamic_shared, and together().
#define KERNEL extern "C"
#define DEVICE static inline
#define METHOD static inline
#define SHARED static
#else
#define KERNEL extern "C" __global__
#define DEVICE __device__ __forceinline__
#define METHOD static __device__ __forceinline__
#define SHARED __shared__
#define together() __syncthreads()
extern __shared__ float dynamic_shared[];
#endif

typedef long long int64;

// 16 bytes, which a thread reads or writes at once.
struct alignas(16) Pack {
  unsigned words[4];
};

DEVICE float as_float(unsigned bits) {
#ifdef BYOL_EMULATED
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
#else
  return __uint_as_float(bits);
#endif
}

DEVICE unsigned as_bits(float value) {
#ifdef BYOL_EMULATED
  unsigned bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
#else
  return __float_as_uint(value);
#endif
}

struct Float32 {
  static const int count = 4;
  METHOD void unpack(const Pack& pack, float* values) {
    for (int i = 0; i < 4; ++i) values[i] = as_float(pack.words[i]);
  }
  METHOD Pack packed(const float* values) {
    Pack pack;
    for (int i = 0; i < 4; ++i) pack.words[i] = as_bits(values[i]);
    return pack;
  }
};

struct BFloat16 {
  static const int count = 8;
  METHOD void unpack(const Pack& pack, float* values) {
    for (int i = 0; i < 4; ++i) {
      values[2 * i] = as_float(pack.words[i] << 16);
      values[2 * i + 1] = as_float(pack.words[i] & 0xffff0000u);
    }
  }
  // To the nearest, ties to even; NaN stays NaN.
  METHOD unsigned rounded(float value) {
    const unsigned bits = as_bits(value);
    if (value != value) return 0x7fc0u;
    return (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  }
  METHOD Pack packed(const float* values) {
    Pack pack;
    for (int i = 0; i < 4; ++i) {
      pack.words[i] = rounded(values[2 * i]) | (rounded(values[2 * i + 1]) << 16);
    }
    return pack;
  }
};

struct Float16 {
  static const int count = 8;
  METHOD float widened(unsigned short bits) {
#ifdef BYOL_EMULATED
    _Float16 value;
    __builtin_memcpy(&value, &bits, 2);
    return static_cast<float>(value);
#else
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
#endif
  }
  METHOD unsigned short rounded(float value) {
#ifdef BYOL_EMULATED
    const _Float16 half = static_cast<_Float16>(value);
    unsigned short bits;
    __builtin_memcpy(&bits, &half, 2);
    return bits;
#else
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
#endif
  }
  METHOD void unpack(const Pack& pack, float* values) {
    for (int i = 0; i < 4; ++i) {
      values[2 * i] = widened(static_cast<unsigned short>(pack.words[i] & 0xffffu));
      values[2 * i + 1] = widened(static_cast<unsigned short>(pack.words[i] >> 16));
    }
  }
  METHOD Pack packed(const float* values) {
    Pack pack;
    for (int i = 0; i < 4; ++i) {
      pack.words[i] = rounded(values[2 * i]) | (static_cast<unsigned>(rounded(values[2 * i + 1])) << 16);
    }
    return pack;
  }
};
