// f32_body.h: the step in f32, written once for all cells and all paths. See functions_body.h for the macros.
// Every sum is ONE chain of fused multiply-adds: bias, W x in order of k, U h in order of k. Vector lanes run across
// units; speed comes from more units and more streams in flight, never from splitting a sum.

// M streams x P panels x G vectors of weights, all sums in registers. Weight vector g feeds sum g; the third one of
// a GRU's U feeds the fourth sum (third = 3), which keeps the candidate's two chains apart.
TARGET MR_INLINE void NAME(mac)(const int M, const int P, const int G, const int third, V (*acc)[4],
                                const float *const *rows, int K, const float *w, size_t panel) {
  const float *r[STREAMS];
  MR_UNROLL for (int m = 0; m < M; m++) r[m] = rows[m];
  for (int k = 0; k < K; k++, w += G * LANES) {
    V wv[4];
    MR_UNROLL for (int p = 0; p < P; p++) {
      MR_UNROLL for (int g = 0; g < G; g++) wv[g] = OP(loadu_ps)(w + p * panel + g * LANES);
      MR_UNROLL for (int m = 0; m < M; m++) {
        const V x = OP(set1_ps)(r[m][k]);
        MR_UNROLL for (int g = 0; g < G; g++) {
          const int a = g == 2 ? third : g;
          acc[m * P + p][a] = OP(fmadd_ps)(x, wv[g], acc[m * P + p][a]);
        }
      }
    }
  }
}
// G: vectors in a row of the panel when the shape is LINE.
TARGET MR_INLINE void NAME(f32_tile)(const mr_shape shape, const int M, const int P, const int G, mr_job job, const mr_panels *q, int p0,
                                 const mr_rows *r, int s, int n) {
  const int xg = shape == MR_SHAPE_LINE ? G : mr_xgates(shape), hg = shape == MR_SHAPE_LINE ? G : mr_hgates(shape);
  const int third = shape == MR_SHAPE_GRU_AFTER ? 3 : 2;
  V acc[NAME(most)][4];
  const float *w = (const float *)q->w + p0 * q->panel, *u = w + (size_t)q->inputs * xg * LANES;
  NAME(begin)(shape, M, P, G, job, acc, q, p0, r, s, n);
  if (job != MR_JOB_REST) NAME(mac)(M, P, xg, 2, acc, r->x + s, q->inputs, w, q->panel);
  if (job != MR_JOB_PROJECT) NAME(mac)(M, P, hg, third, acc, r->h_in + s, q->recurrent, u, q->panel);
  NAME(give)(shape, M, P, G, job, acc, r, s, p0);
}
#define PASS(x) NAME(f32_##x)
#define BLOCK STREAMS
#include "passes_body.h"
#undef BLOCK
#undef PASS
// ---- Conv1D: one chain over the taps, the oldest first ----------------------------------------------------------------
TARGET MR_INLINE void NAME(tap_tile)(const int M, const int G, const mr_panels *q, int p, int taps, int n, const float *const *rows, float *const *out, int s) {
  V acc[STREAMS][4];
  const int inputs = q->inputs / taps;
  const float *w = (const float *)q->w + p * q->panel;
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int g = 0; g < G; g++) acc[m][g] = OP(loadu_ps)(q->b + (p * 4 + g) * LANES);
  for (int t = 0; t < taps; t++) NAME(mac)(M, 1, G, 2, acc, rows + (size_t)t * n + s, inputs, w + (size_t)t * inputs * G * LANES, 0);
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int g = 0; g < G; g++) OP(storeu_ps)(out[s + m] + (p * 4 + g) * LANES, acc[m][g]);
}
TARGET static void NAME(taps)(const mr_panels *q, int taps, int n, const float *const *rows, float *const *out) {
  const int vectors = q->row / LANES;
  for (int p = 0; p * 4 < vectors; p++)
    for (int s = 0, m; s < n; s += m) {
      m = n - s < STREAMS ? 1 : STREAMS;
      const int g = vectors - p * 4 < 4 ? vectors - p * 4 : 4;
#define CASE(M, G) case M * 8 + G: NAME(tap_tile)(M, G, q, p, taps, n, rows, out, s); break;
      switch (m * 8 + g) { CASE(1, 1) CASE(1, 2) CASE(1, 3) CASE(1, 4) CASE(STREAMS, 1) CASE(STREAMS, 2) CASE(STREAMS, 3) CASE(STREAMS, 4) }
#undef CASE
    }
}
