// path_avx2.c: AVX2 and FMA. 16 registers = 12 sums + 3 inputs + 1 weight.
// Needs no -m flags: the instructions are switched on function by function.
#if defined(__x86_64__)
#include "internal.h"
#include <immintrin.h>
#include <math.h>

#define NAME(x) avx2_##x
#define OP(x) _mm256_##x
#define TARGET __attribute__((target("avx2,fma")))
#define V __m256
#define LANES 8
#define STREAMS 3
#define SOLO 2
TARGET MR_INLINE V avx2_shl23(V v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 23)); }
TARGET MR_INLINE V avx2_zero_below(V x, V limit, V v) { return _mm256_andnot_ps(_mm256_cmp_ps(x, limit, _CMP_LT_OQ), v); }
static bool avx2_available(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

#define PATH_NAME "avx2"
#define avx2_table mr_path_avx2
#include "path_table.h"
#else
typedef int mr_no_avx2; // a translation unit may not be empty
#endif
