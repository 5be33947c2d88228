// path_neon.c: 64-bit ARM, where NEON is always there. 32 registers = 24 sums + 6 inputs + 1 weight.
#if defined(__aarch64__)
#include "internal.h"
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#define V float32x4_t
#define neon_loadu_ps vld1q_f32
#define neon_storeu_ps vst1q_f32
#define neon_set1_ps vdupq_n_f32
MR_INLINE V neon_fmadd_ps(V a, V b, V c) { return vfmaq_f32(c, a, b); }
MR_INLINE V neon_fnmadd_ps(V a, V b, V c) { return vfmsq_f32(c, a, b); }
// NEON's own minimum and maximum treat NaN otherwise, so compare and select.
MR_INLINE V neon_min_ps(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
MR_INLINE V neon_max_ps(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
MR_INLINE V neon_shl23(V v) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(v), 23)); }
MR_INLINE V neon_zero_below(V x, V limit, V v) {
  return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v), vcltq_f32(x, limit)));
}
static bool neon_available(void) { return true; }

#define NAME(x) neon_##x
#define OP(x) neon_##x
#define TARGET
#define LANES 4
#define STREAMS 6
#define SOLO 2
#define TOGETHER 4

#define GROUP 4
#define QBLOCK 4
#define QBIAS 0
typedef int32x4_t neon_ints;
typedef int8_t neon_quantum;
MR_INLINE int32x4_t neon_word(const int8_t *q) {
  int32_t word;
  memcpy(&word, q, 4);
  return vdupq_n_s32(word);
}
MR_INLINE int32x4_t neon_weights(const int8_t *w) { return vreinterpretq_s32_s8(vld1q_s8(w)); }
MR_INLINE int32x4_t neon_dot(int32x4_t sum, int32x4_t x, int32x4_t w) {
  const int8x16_t a = vreinterpretq_s8_s32(x), b = vreinterpretq_s8_s32(w);
#if defined(__ARM_FEATURE_DOTPROD)
  return vdotq_s32(sum, a, b);
#else
  const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b))), high = vpaddlq_s16(vmull_high_s8(a, b));
  return vaddq_s32(sum, vpaddq_s32(low, high));
#endif
}
MR_INLINE V neon_to_float(int32x4_t v) { return vcvtq_f32_s32(v); }
MR_INLINE int32x4_t neon_load_ints(const int32_t *p) { return vld1q_s32(p); }

MR_INLINE V neon_magnitude(V v) { return vabsq_f32(v); }
MR_INLINE V neon_load_first(const float *p, int count) {
  float first[4] = {0};
  for (int j = 0; j < count; j++) first[j] = p[j];
  return vld1q_f32(first);
}
MR_INLINE float neon_largest(V v) { return vmaxvq_f32(v); }
MR_INLINE void neon_narrow(int8_t *to, V v) {
  const uint16x4_t halves = vmovn_u32(vreinterpretq_u32_f32(v));
  const uint8x8_t bytes = vmovn_u16(vcombine_u16(halves, halves));
  vst1_lane_u32((uint32_t *)(void *)to, vreinterpret_u32_u8(bytes), 0);
}

MR_INLINE V neon_first_half(V v) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(v), 16)); }
MR_INLINE V neon_second_half(V v) { return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), vdupq_n_u32(0xffff0000))); }

#include "path_bodies.h"
#define TABLE mr_path_neon
#define PATH_NAME "neon"
#define AVAILABLE neon_available
#include "path_table.h"
#else
typedef int mr_no_neon; // a translation unit may not be empty
#endif
