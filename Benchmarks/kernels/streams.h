// streams.h: random cells and streams for the self test and the benchmark, and the step written out one product at a time.
#ifndef STREAMS_H
#define STREAMS_H
#include "CRecurrentKernels.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CONST(rows) ((const float *const *)(rows))
static const char *const kind_names[] = {"LSTM", "GRU", "GRU reset before", "SimpleRNN"};
static const char *const format_names[] = {"f32", "bf16", "int8"};

static uint64_t random_state = 88172645463325252ull;
static inline uint64_t bits(void) {
  random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
  return random_state >> 16;
}
static inline float noise(float scale) { return (float)((bits() >> 24) / 8388608.0 - 1) * scale; }
static inline void *zeros(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
  if (!p) abort();
  return memset(p, 0, (bytes + 64) / 64 * 64);
}
static inline float *noise_floats(size_t n, float scale) {
  float *p = zeros(n * sizeof(float));
  for (size_t i = 0; i < n; i++) p[i] = noise(scale);
  return p;
}
static inline float **rows_of(float *slab, int n, size_t stride) {
  float **rows = zeros(n * sizeof *rows);
  for (int i = 0; i < n; i++) rows[i] = slab + i * stride;
  return rows;
}
// The processor time of this thread, so that other work on the core is not counted (what it does to the caches is).
static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

// Weights in Keras' layout.
typedef struct { mr_kind kind; int I, H, G; float *W, *U, *b; } weights;
static inline weights make_weights(mr_kind kind, int I, int H, float scale) {
  const int G = kind == MR_LSTM ? 4 : kind == MR_SIMPLE_RNN ? 1 : 3;
  return (weights){kind, I, H, G, noise_floats((size_t)I * G * H, scale), noise_floats((size_t)H * G * H, scale),
                   noise_floats((kind == MR_GRU ? 2 : 1) * G * H, scale)};
}
static inline void free_weights(weights w) { free(w.W), free(w.U), free(w.b); }
static inline mr_cell *pack(const weights *w, mr_format format) {
  mr_cell *cell = mr_cell_create(w->kind, format, w->I, w->H, w->W, w->U, w->b);
  if (!cell) abort();
  return cell;
}
#endif
