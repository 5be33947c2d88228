// path_avx512_bf16.c: steps in bf16 with the dot instruction of AVX512-BF16, which takes activations in bf16 too. It reads and
// gives denormals as zero and rounds in its own way, so these results are not those of the other paths.
#if defined(__x86_64__)
#include "avx512.h"
#include <immintrin.h>
#include <string.h>

#define NAME(x) avx512_bf16_##x
#define OP(x) _mm512_##x
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))
#define V __m512
#define LANES 16
#define STREAMS 6
#define SOLO 4
#define TOGETHER 4
TARGET MR_INLINE V avx512_bf16_shl23(V v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23)); }
#include "functions_body.h"
#include "gates_body.h"

TARGET MR_INLINE void avx512_bf16_bf16_mac(const int M, const int P, const int G, const int third, V (*acc)[4], const void *const *rows, int K, const uint16_t *w, size_t panel) {
  const uint16_t *r[STREAMS];
  MR_UNROLL for (int m = 0; m < M; m++) r[m] = rows[m];
  for (int k = 0; k < K; k += 2, w += G * LANES * 2) {
    __m512bh x[STREAMS];
    MR_UNROLL for (int m = 0; m < M; m++) {
      int32_t word;
      memcpy(&word, r[m] + k, 4);
      x[m] = (__m512bh)_mm512_set1_epi32(word);
    }
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < G; g++) {
        const __m512bh wv = (__m512bh)_mm512_loadu_si512(w + p * panel + g * LANES * 2);
        const int a = g == 2 ? third : g;
        MR_UNROLL for (int m = 0; m < M; m++) acc[m * P + p][a] = _mm512_dpbf16_ps(acc[m * P + p][a], wv, x[m]);
      }
  }
}
#include "bf16_body.h"

// To nearest, ties to even.
TARGET MR_INLINE void avx512_bf16_narrow(uint16_t *q, __m512 v) {
  const __m512i u = _mm512_castps_si512(v), odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  _mm256_storeu_si256((__m256i *)q, _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}
TARGET void mr_avx512_bf16_round(int count, const float *v, uint16_t *q) {
  int k = 0;
  for (; k + LANES <= count; k += LANES) avx512_bf16_narrow(q + k, _mm512_loadu_ps(v + k));
  if (k < count) avx512_bf16_narrow(q + k, _mm512_maskz_loadu_ps((__mmask16)((1u << (count - k)) - 1), v + k)), k += LANES;
  if (k % (2 * LANES)) avx512_bf16_narrow(q + k, _mm512_setzero_ps());
}
void mr_avx512_bf16_run(const mr_panels *q, mr_job job, int n, const mr_rows *r) { avx512_bf16_bf16_run(q, job, n, r); }
#else
typedef int mr_no_avx512_bf16; // a translation unit may not be empty
#endif
