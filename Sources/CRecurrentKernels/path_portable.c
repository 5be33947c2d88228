// path_portable.c: one unit at a time, in the words of the vector instructions; any processor.
#include "internal.h"
#include <math.h>
#include <string.h>

MR_INLINE float portable_loadu_ps(const float *p) { return *p; }
MR_INLINE void portable_storeu_ps(float *p, float v) { *p = v; }
MR_INLINE float portable_set1_ps(float v) { return v; }
MR_INLINE float portable_fmadd_ps(float a, float b, float c) { return fmaf(a, b, c); }
MR_INLINE float portable_fnmadd_ps(float a, float b, float c) { return fmaf(-a, b, c); }
// As minps and maxps: a NaN in b comes through, where fminf and fmaxf would hide it.
MR_INLINE float portable_min_ps(float a, float b) { return a < b ? a : b; }
MR_INLINE float portable_max_ps(float a, float b) { return a > b ? a : b; }
MR_INLINE float portable_shl23(float v) {
  uint32_t bits;
  memcpy(&bits, &v, 4);
  bits <<= 23;
  memcpy(&v, &bits, 4);
  return v;
}
MR_INLINE float portable_zero_below(float x, float limit, float v) { return x < limit ? 0 : v; }
static bool portable_available(void) { return true; }

#define NAME(x) portable_##x
#define OP(x) portable_##x
#define TARGET
#define V float
#define LANES 1
#define STREAMS 2
#define SOLO 2
#define TOGETHER 1

#define GROUP 4
#define QBLOCK 2
#define QBIAS 0
typedef int32_t portable_ints;
typedef int8_t portable_quantum;
MR_INLINE int32_t portable_word(const int8_t *q) {
  int32_t word;
  memcpy(&word, q, 4);
  return word;
}
MR_INLINE int32_t portable_weights(const int8_t *w) { return portable_word(w); }
MR_INLINE int32_t portable_dot(int32_t sum, int32_t x, int32_t w) {
  int8_t a[4], b[4];
  memcpy(a, &x, 4), memcpy(b, &w, 4);
  return sum + a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}
MR_INLINE float portable_to_float(int32_t v) { return (float)v; }
MR_INLINE int32_t portable_load_ints(const int32_t *p) { return *p; }

MR_INLINE float portable_bits(uint32_t u) {
  float v;
  memcpy(&v, &u, 4);
  return v;
}
MR_INLINE uint32_t portable_word_of(float v) {
  uint32_t u;
  memcpy(&u, &v, 4);
  return u;
}
MR_INLINE float portable_magnitude(float v) { return fabsf(v); }
MR_INLINE float portable_load_first(const float *p, int count) { return count ? *p : 0; }
MR_INLINE float portable_largest(float v) { return v; }
MR_INLINE void portable_narrow(int8_t *to, float v) { *to = (int8_t)portable_word_of(v); }

MR_INLINE float portable_first_half(float v) { return portable_bits(portable_word_of(v) << 16); }
MR_INLINE float portable_second_half(float v) { return portable_bits(portable_word_of(v) & 0xffff0000); }

#include "path_bodies.h"
#define TABLE mr_path_portable
#define PATH_NAME "portable"
#define AVAILABLE portable_available
#include "path_table.h"
