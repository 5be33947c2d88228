// limits.c: what one core can do at most, asked for by name.
#include "CStepLoops.h"
#include "../../kernels/limits.h"
#if defined(__linux__)
#include <sys/mman.h>
#endif

const char *loop_kernels(void) { return mr_kernels_name(); }

#if defined(__x86_64__)
static bool tiles(void) { return !strcmp(mr_kernels_name(), "amx"); }
static bool wide(void) { return tiles() || !strncmp(mr_kernels_name(), "avx512", 6); }
static bool narrow(void) { return !strcmp(mr_kernels_name(), "avx2"); }

double loop_limit_of(int32_t limit) {
  if (!wide() && !narrow()) return NAN;
  switch (limit) {
    case LIMIT_F32: return 1 / (wide() ? peak512() : peak256());
    case LIMIT_CHAIN: return chain256();
    case LIMIT_BF16: return tiles() ? 1 / peak_bf16_tiles() : wide() && __builtin_cpu_supports("avx512bf16") ? 1 / peak_bf16() : NAN;
    case LIMIT_INT8: return tiles() ? 1 / peak_int8_tiles() : wide() ? 1 / peak_int8() : 1 / peak_int8_avx2();
    default: return NAN;
  }
}
double loop_read(size_t bytes) {
  static float *block; // kept, so that every round reads the same memory
  static size_t held;
  if (!wide() && !narrow()) return NAN;
  if (held != bytes) {
    const size_t huge = 2u << 20, room = (bytes + huge - 1) / huge * huge;
    free(block);
    block = aligned_alloc(huge, room);
    if (!block) abort();
    held = bytes;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    madvise(block, room, MADV_HUGEPAGE); // as the kernels ask for their weights
#endif
    for (size_t i = 0; i < room / 4; i++) block[i] = (float)(i % 7);
    wide() ? read512(block, bytes, 3) : read256(block, bytes, 3);
  }
  const int times = (int)(1e8 / (double)bytes) + 1; // about a millisecond
  return wide() ? read512(block, bytes, times) : read256(block, bytes, times);
}
#else
double loop_limit_of(int32_t limit) { (void)limit; return NAN; }
double loop_read(size_t bytes) { (void)bytes; return NAN; }
#endif
