// path_neon.c: 64-bit ARM, where NEON is always there. 32 registers = 24 sums + 6 inputs + 1 weight.
#if defined(__aarch64__)
#include "internal.h"
#include <arm_neon.h>
#include <math.h>

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
#define PATH_NAME "neon"
#define neon_table mr_path_neon
#include "path_table.h"
#else
typedef int mr_no_neon; // a translation unit may not be empty
#endif
