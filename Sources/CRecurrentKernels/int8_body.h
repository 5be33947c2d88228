// int8_body.h: the step in 8 bits, written once for all cells and all paths. See functions_body.h for the macros.
// A path also defines GROUP (rows of weights in one row of the packing), QBLOCK (streams in flight), QBIAS (128 when its dot takes
// unsigned activations, else 0), `NAME(ints)` and `NAME(quantum)` (a vector of sums; one stored activation), and
// word(row, k), weights(pointer), dot(sum, word, weights), to_float(sum), load_ints(pointer), magnitude(vector), the largest(vector) of its
// numbers, load_first(pointer, count) with zeros behind, and narrow(pointer, vector), which stores the low bits of each number as a quantum,
// plus QBIAS.
// Integer sums are exact, so their order is free. The arithmetic of the steps is one text, so the bits are the same on every path:
// step = max|v| / 127; q = round(v * (127 / max|v|)), ties to even; chain = fma(float(sum) * step of the row, step of the column, chain).

// One row of activations, and zeros up to a whole vector. Adding 1.5 * 2^23 leaves the rounded product in the low bits.
TARGET static void NAME(quantise)(int count, const float *v, void *to, float *step) {
  NAME(quantum) *q = to;
  const int whole = count - count % LANES;
  V most = OP(set1_ps)(1e-20f); // so that a row of zeros divides by something
  for (int k = 0; k < whole; k += LANES) most = OP(max_ps)(NAME(magnitude)(OP(loadu_ps)(v + k)), most);
  if (whole < count) most = OP(max_ps)(NAME(magnitude)(NAME(load_first)(v + whole, count - whole)), most);
  const float m = NAME(largest)(most), scale = 127.0f / m;
  const V s = OP(set1_ps)(scale), shifter = OP(set1_ps)(12582912.0f);
  for (int k = 0; k < whole; k += LANES) NAME(narrow)(q + k, OP(fmadd_ps)(OP(loadu_ps)(v + k), s, shifter));
  if (whole < count) NAME(narrow)(q + whole, OP(fmadd_ps)(NAME(load_first)(v + whole, count - whole), s, shifter));
  *step = m / 127.0f;
}
TARGET MR_INLINE void NAME(int8_mac)(const int M, const int P, const int G, NAME(ints) (*acc)[4], const void *const *rows, int words, const int8_t *w, size_t panel) {
  const NAME(quantum) *r[QBLOCK];
  MR_UNROLL for (int m = 0; m < M; m++) r[m] = rows[m];
  for (int k = 0; k < words; k++, w += G * LANES * GROUP) {
    NAME(ints) x[QBLOCK];
    MR_UNROLL for (int m = 0; m < M; m++) x[m] = NAME(word)(r[m] + (size_t)k * GROUP);
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < G; g++) {
        const NAME(ints) wv = NAME(weights)(w + p * panel + g * LANES * GROUP);
        MR_UNROLL for (int m = 0; m < M; m++) acc[m * P + p][g] = NAME(dot)(acc[m * P + p][g], x[m], wv);
      }
  }
}
// Adds one part (x or h) of the chains of a tile. `each`: floats of the step of columns from one panel to the next.
TARGET MR_INLINE void NAME(int8_part)(const int M, const int P, const int G, const int third, V (*chain)[4], const void *const *rows, const float *steps, int words,
                                      const int8_t *w, size_t panel, const float *columns, const int32_t *shift, int each) {
  NAME(ints) sum[QBLOCK > SOLO ? QBLOCK : SOLO][4];
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < G; g++) sum[m * P + p][g] = NAME(load_ints)(shift + p * each + g * LANES);
  NAME(int8_mac)(M, P, G, sum, rows, words, w, panel);
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < G; g++) {
        const int a = g == 2 ? third : g;
        V *to = &chain[m * P + p][a];
        *to = OP(fmadd_ps)(NAME(to_float)(sum[m * P + p][g]) * OP(set1_ps)(steps[m]), OP(loadu_ps)(columns + p * each + g * LANES), *to);
      }
}
TARGET MR_INLINE void NAME(int8_tile)(const mr_shape shape, const int M, const int P, const int G, mr_job job, const mr_panels *q, int p0, const mr_rows *r, int s, int n) {
  const bool line = shape == MR_SHAPE_LINE;
  const int xg = line ? G : mr_xgates(shape), hg = line ? G : mr_hgates(shape), third = shape == MR_SHAPE_GRU_AFTER ? 3 : 2;
  const int xstep = line ? 4 * LANES : xg * LANES, hstep = line ? 4 * LANES : hg * LANES;
  V chain[NAME(most)][4];
  const int8_t *w = (const int8_t *)q->w + p0 * q->panel;
  NAME(begin)(shape, M, P, G, job, chain, q, p0, r, s, n);
  if (job != MR_JOB_REST)
    NAME(int8_part)(M, P, xg, 2, chain, r->xq + s, r->xstep + s, q->xwords, w, q->panel, q->wscale + p0 * xstep, q->wshift + p0 * xstep, xstep);
  if (job != MR_JOB_PROJECT)
    NAME(int8_part)(M, P, hg, third, chain, r->hq + s, r->hstep + s, q->hwords, w + (size_t)q->xwords * xg * LANES * GROUP, q->panel,
                    q->uscale + p0 * hstep, q->ushift + p0 * hstep, hstep);
  NAME(give)(shape, M, P, G, job, chain, r, s, p0);
}
#define PASS(x) NAME(int8_##x)
#define BLOCK QBLOCK
#include "passes_body.h"
#undef BLOCK
#undef PASS
