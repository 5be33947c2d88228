// limits.h: what one core can do at most, measured in the same job as the kernels: multiply-adds and weight reading.
#ifndef LIMITS_H
#define LIMITS_H
#include "streams.h"
#if defined(__x86_64__)
#include <immintrin.h>
#define MR_READ_UNROLL _Pragma("GCC unroll 8")
#define SIXTEEN(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
// Floating-point operations a nanosecond, in f32, with 512-bit or 256-bit registers.
__attribute__((target("avx512f"))) static double peak512(void) {
  const long rounds = 200000;
#define D(i) __m512 a##i = _mm512_set1_ps(1.0f + i * 1e-7f);
  SIXTEEN(D) __m512 x = _mm512_set1_ps(0.999999f), y = _mm512_set1_ps(1e-7f);
#undef D
  double t = now();
  for (long k = 0; k < rounds; k++) {
#define F(i) a##i = _mm512_fmadd_ps(a##i, x, y); __asm__ volatile("" : "+v"(a##i));
    SIXTEEN(F)
#undef F
  }
  return rounds * 16.0 * 32 / (now() - t) * 1e-9;
}
__attribute__((target("avx2,fma"))) static double peak256(void) {
  const long rounds = 200000;
#define D(i) __m256 a##i = _mm256_set1_ps(1.0f + i * 1e-7f);
  SIXTEEN(D) __m256 x = _mm256_set1_ps(0.999999f), y = _mm256_set1_ps(1e-7f);
#undef D
  double t = now();
  for (long k = 0; k < rounds; k++) {
#define F(i) a##i = _mm256_fmadd_ps(a##i, x, y); __asm__ volatile("" : "+x"(a##i));
    SIXTEEN(F)
#undef F
  }
  return rounds * 16.0 * 16 / (now() - t) * 1e-9;
}
// The other rates, on the same 16 sums: operations a nanosecond.
#define PEAK(NAME, TARGET, TYPE, ZERO, STEP, OPERATIONS)                              \
  __attribute__((target(TARGET))) static double NAME(void) {                          \
    const long rounds = 200000;                                                       \
    TYPE a[16];                                                                       \
    for (int i = 0; i < 16; i++) a[i] = ZERO;                                         \
    double t = now();                                                                 \
    for (long k = 0; k < rounds; k++) {                                               \
      _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) {                         \
        STEP;                                                                         \
        __asm__ volatile("" : "+v"(a[i]));                                            \
      }                                                                               \
    }                                                                                 \
    t = now() - t;                                                                    \
    for (int i = 0; i < 16; i++) __asm__ volatile("" : : "v"(a[i]));                  \
    return rounds * 16.0 * (OPERATIONS) / t * 1e-9;                                   \
  }
PEAK(peak_bf16, "avx512f,avx512bf16", __m512, _mm512_set1_ps(1), a[i] = _mm512_dpbf16_ps(a[i], (__m512bh)_mm512_set1_epi32(0x3f803f80), (__m512bh)_mm512_set1_epi32(0x30003000)), 64)
PEAK(peak_int8, "avx512f,avx512vnni", __m512i, _mm512_set1_epi32(1), a[i] = _mm512_dpbusd_epi32(a[i], _mm512_set1_epi32(0x01010101), _mm512_set1_epi32(0x01010101)), 128)
PEAK(peak_int8_avx2, "avx2", __m256i, _mm256_set1_epi32(1), a[i] = _mm256_add_epi32(a[i], _mm256_madd_epi16(_mm256_set1_epi32(0x00010001), a[i])), 32)
#undef PEAK
// With tiles, sixteen streams a multiplication. The process must have asked for them, as the kernels do.
#define PEAK_TILES(NAME, STEP, OPERATIONS)                                           \
  __attribute__((target("amx-tile,amx-bf16,amx-int8"))) static double NAME(void) {   \
    const long rounds = 20000;                                                       \
    static const char zeros[1024];                                                   \
    struct { uint8_t palette, start, reserved[14]; uint16_t row_bytes[16]; uint8_t rows[16]; } c = {.palette = 1}; \
    for (int i = 0; i < 8; i++) c.row_bytes[i] = 64, c.rows[i] = 16;                 \
    _tile_loadconfig(&c);                                                            \
    _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);                      \
    _tile_loadd(4, zeros, 64), _tile_loadd(5, zeros, 64);                            \
    double t = now();                                                                \
    for (long k = 0; k < rounds; k++) STEP(0, 4, 5), STEP(1, 4, 5), STEP(2, 4, 5), STEP(3, 4, 5); \
    t = now() - t;                                                                   \
    _tile_release();                                                                 \
    return rounds * 4.0 * (OPERATIONS) / t * 1e-9;                                   \
  }
PEAK_TILES(peak_bf16_tiles, _tile_dpbf16ps, 16 * 16 * 64)
PEAK_TILES(peak_int8_tiles, _tile_dpbusd, 16 * 16 * 128)
#undef PEAK_TILES
// Nanoseconds of a multiply-add that waits for the one before it.
__attribute__((target("avx2,fma"))) static double chain256(void) {
  const long rounds = 1000000;
  __m256 a = _mm256_set1_ps(1), x = _mm256_set1_ps(0.999999f), y = _mm256_set1_ps(1e-7f);
  double t = now();
  for (long k = 0; k < rounds; k++) {
    a = _mm256_fmadd_ps(a, x, y);
    __asm__ volatile("" : "+x"(a));
  }
  return (now() - t) / rounds * 1e9;
}
// Seconds to read a block once, whatever cache it is in after many readings.
__attribute__((target("avx512f"))) static double read512(const float *p, size_t bytes, int times) {
  __m512 s[8];
  for (int j = 0; j < 8; j++) s[j] = _mm512_setzero_ps();
  double t = now();
  for (int k = 0; k < times; k++) {
    for (size_t i = 0; i + 128 <= bytes / 4; i += 128)
      MR_READ_UNROLL for (int j = 0; j < 8; j++) s[j] = _mm512_add_ps(s[j], _mm512_loadu_ps(p + i + j * 16));
    for (int j = 0; j < 8; j++) __asm__ volatile("" : "+v"(s[j]));
  }
  return (now() - t) / times;
}
__attribute__((target("avx2"))) static double read256(const float *p, size_t bytes, int times) {
  __m256 s[8];
  for (int j = 0; j < 8; j++) s[j] = _mm256_setzero_ps();
  double t = now();
  for (int k = 0; k < times; k++) {
    for (size_t i = 0; i + 64 <= bytes / 4; i += 64)
      MR_READ_UNROLL for (int j = 0; j < 8; j++) s[j] = _mm256_add_ps(s[j], _mm256_loadu_ps(p + i + j * 8));
    for (int j = 0; j < 8; j++) __asm__ volatile("" : "+x"(s[j]));
  }
  return (now() - t) / times;
}
#endif
#endif
