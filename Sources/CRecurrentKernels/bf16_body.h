// bf16_body.h: the step with weights in bf16, for all cells. See functions_body.h for the macros. Weights are packed two rows to a
// 32-bit word. A path file also defines `NAME(bf16_mac)`: bf16_wide_body.h, or one of its own with a dot instruction.
// Sums are in f32 and one chain each, so streams do not depend on each other here either.

TARGET MR_INLINE void NAME(bf16_tile)(const mr_shape shape, const int M, const int P, const int G, mr_job job, const mr_panels *q, int p0, const mr_rows *r, int s, int n) {
  const int xg = shape == MR_SHAPE_LINE ? G : mr_xgates(shape), hg = shape == MR_SHAPE_LINE ? G : mr_hgates(shape);
  const int third = shape == MR_SHAPE_GRU_AFTER ? 3 : 2;
  V acc[NAME(most)][4];
  const uint16_t *w = (const uint16_t *)q->w + p0 * q->panel;
  NAME(begin)(shape, M, P, G, job, acc, q, p0, r, s, n);
  if (job != MR_JOB_REST) NAME(bf16_mac)(M, P, xg, 2, acc, r->xq + s, q->inputs, w, q->panel);
  if (job != MR_JOB_PROJECT) NAME(bf16_mac)(M, P, hg, third, acc, r->hq + s, q->recurrent, w + (size_t)q->xwords * xg * LANES * 2, q->panel);
  NAME(give)(shape, M, P, G, job, acc, r, s, p0);
}
#define PASS(x) NAME(bf16_##x)
#define BLOCK STREAMS
#include "passes_body.h"
#undef BLOCK
#undef PASS
