// path_avx2.c: AVX2 and FMA. 16 registers = 12 sums + 3 inputs + 1 weight.
// Needs no -m flags: the instructions are switched on function by function.
#if defined(__x86_64__)
#include "internal.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define NAME(x) avx2_##x
#define OP(x) _mm256_##x
#define TARGET __attribute__((target("avx2,fma")))
#define V __m256
#define LANES 8
#define STREAMS 3
#define SOLO 2
#define TOGETHER 2
TARGET MR_INLINE V avx2_shl23(V v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 23)); }
TARGET MR_INLINE V avx2_zero_below(V x, V limit, V v) { return _mm256_andnot_ps(_mm256_cmp_ps(x, limit, _CMP_LT_OQ), v); }
static bool avx2_available(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }


// Both sides are widened to 16 bits: the 8-bit instruction (maddubs) saturates. Activations are stored in 16 bits.
#define GROUP 2
#define QBLOCK 2
#define QBIAS 0
typedef __m256i avx2_ints;
typedef int16_t avx2_quantum;
TARGET MR_INLINE __m256i avx2_word(const int16_t *q) {
  int32_t word;
  memcpy(&word, q, 4);
  return _mm256_set1_epi32(word);
}
TARGET MR_INLINE __m256i avx2_weights(const int8_t *w) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w)); }
TARGET MR_INLINE __m256i avx2_dot(__m256i sum, __m256i x, __m256i w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }
TARGET MR_INLINE V avx2_to_float(__m256i v) { return _mm256_cvtepi32_ps(v); }
TARGET MR_INLINE __m256i avx2_load_ints(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }

TARGET MR_INLINE V avx2_magnitude(V v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v); }
TARGET MR_INLINE V avx2_load_first(const float *p, int count) {
  const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(count), place));
}
TARGET MR_INLINE float avx2_largest(V v) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_shuffle_ps(m, m, 1)));
}
TARGET MR_INLINE void avx2_narrow(int16_t *to, V v) {
  const __m256i u = _mm256_sub_epi32(_mm256_castps_si256(v), _mm256_set1_epi32(0x4b400000));
  _mm_storeu_si128((__m128i *)to, _mm_packs_epi32(_mm256_castsi256_si128(u), _mm256_extracti128_si256(u, 1)));
}

TARGET MR_INLINE V avx2_first_half(V v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 16)); }
TARGET MR_INLINE V avx2_second_half(V v) { return _mm256_and_ps(v, _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000))); }

#include "path_bodies.h"
#define TABLE mr_path_avx2
#define PATH_NAME "avx2"
#define AVAILABLE avx2_available
#include "path_table.h"
#else
typedef int mr_no_avx2; // a translation unit may not be empty
#endif
