// path_avx512.c: AVX-512 with VNNI (Ice Lake, Zen 4 and later; older ones take AVX2).
// 32 registers = 24 sums + 6 inputs + 1 weight. Needs no -m flags.
#if defined(__x86_64__)
#include "avx512.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define NAME(x) avx512_##x
#define OP(x) _mm512_##x
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))
#define V __m512
#define LANES 16
#define STREAMS 6
#define SOLO 4
#define TOGETHER 4
TARGET MR_INLINE V avx512_shl23(V v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23)); }
TARGET MR_INLINE V avx512_zero_below(V x, V limit, V v) {
  return _mm512_maskz_mov_ps((__mmask16)~_mm512_cmp_ps_mask(x, limit, _CMP_LT_OQ), v);
}
static bool avx512_available(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
      && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
}


// The dot takes unsigned activations: 128 is added to each and 128 times the column's sum subtracted, the same integer.
#define GROUP 4
#define QBLOCK 6
#define QBIAS 128
typedef __m512i avx512_ints;
typedef uint8_t avx512_quantum;
TARGET MR_INLINE __m512i avx512_word(const uint8_t *q) {
  int32_t word;
  memcpy(&word, q, 4);
  return _mm512_set1_epi32(word);
}
TARGET MR_INLINE __m512i avx512_weights(const int8_t *w) { return _mm512_loadu_si512(w); }
TARGET MR_INLINE __m512i avx512_dot(__m512i sum, __m512i x, __m512i w) { return _mm512_dpbusd_epi32(sum, x, w); }
TARGET MR_INLINE V avx512_to_float(__m512i v) { return _mm512_cvtepi32_ps(v); }
TARGET MR_INLINE __m512i avx512_load_ints(const int32_t *p) { return _mm512_loadu_si512(p); }

TARGET MR_INLINE V avx512_magnitude(V v) { return _mm512_abs_ps(v); }
TARGET MR_INLINE V avx512_load_first(const float *p, int count) { return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p); }
TARGET MR_INLINE float avx512_largest(V v) { return _mm512_reduce_max_ps(v); }
TARGET MR_INLINE void avx512_narrow(uint8_t *to, V v) {
  _mm_storeu_si128((__m128i *)to, _mm_xor_si128(_mm512_cvtepi32_epi8(_mm512_castps_si512(v)), _mm_set1_epi8((char)0x80)));
}

TARGET MR_INLINE V avx512_first_half(V v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 16)); }
TARGET MR_INLINE V avx512_second_half(V v) {
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32((int)0xffff0000)));
}
#include "path_bodies.h"
#define TABLE mr_path_avx512
#define PATH_NAME "avx512"
#define AVAILABLE avx512_available
#include "path_table.h"

static bool avx512_bf16_available(void) { return avx512_available() && __builtin_cpu_supports("avx512bf16"); }
#define TABLE mr_path_avx512_bf16
#define PATH_NAME "avx512_bf16"
#define AVAILABLE avx512_bf16_available
#define ROUND mr_avx512_bf16_round
#define BF16_RUN mr_avx512_bf16_run
#include "path_table.h"

static bool amx_available(void) { return avx512_available() && mr_amx_available(); }
#define TABLE mr_path_amx
#define PATH_NAME "amx"
#define AVAILABLE amx_available
#define ROUND mr_avx512_bf16_round
#define BF16_RUN mr_amx_bf16_run
#define INT8_RUN mr_amx_int8_run
#define WORDS 16
#define BLOCK_STREAMS MR_BLOCK_MOST
#include "path_table.h"
#else
typedef int mr_no_avx512; // a translation unit may not be empty
#endif
