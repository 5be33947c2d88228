// avx512.h: what paths that are AVX-512 in all else have of their own.
#ifndef MR_AVX512_H
#define MR_AVX512_H
#include "internal.h"

// To nearest, ties to even; zeros behind the last up to a multiple of 64 bytes. Needs AVX-512 alone.
void mr_avx512_bf16_round(int count, const float *v, uint16_t *q);
void mr_avx512_bf16_run(const mr_panels *q, mr_job job, int n, const mr_rows *r);

bool mr_amx_available(void);
void mr_amx_bf16_run(const mr_panels *q, mr_job job, int n, const mr_rows *r);
void mr_amx_int8_run(const mr_panels *q, mr_job job, int n, const mr_rows *r);
#endif
