// passes_body.h: how a call is cut into tiles. Included once a format, after defining PASS(own name) and BLOCK, the most
// streams in flight (at most 6); PASS(tile) does the work.

#ifndef SPLIT
#define SPLIT(left) (((left) + 1) / 2)
#endif
// One panel, all streams: its weights stay in cache while the streams pass by in blocks.
TARGET MR_INLINE void PASS(panel)(const mr_shape shape, const int G, mr_job job, const mr_panels *q, int p, int n, const mr_rows *r) {
  for (int s = 0, m; s < n; s += m) {
    const int left = n - s;
    m = left <= BLOCK ? left : left < 2 * BLOCK ? SPLIT(left) : BLOCK;
    if (m > BLOCK) __builtin_unreachable();
#define CASE(M) case M: PASS(tile)(shape, M < BLOCK ? M : BLOCK, 1, G, job, q, p, r, s, n); break;
    switch (m) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) }
#undef CASE
  }
}
TARGET MR_INLINE void PASS(panels)(const mr_shape shape, mr_job job, const mr_panels *q, int n, const mr_rows *r) {
  const int vectors = q->row / LANES, whole = shape == MR_SHAPE_LINE ? vectors / 4 : vectors;
  int p = 0;
  if (n == 1) { // a lone stream: more panels in flight instead
    if (shape != MR_SHAPE_LINE)
      for (; p + SOLO <= whole; p += SOLO) PASS(tile)(shape, 1, SOLO, 4, job, q, p, r, 0, 1);
    for (; p + 2 <= whole; p += 2) PASS(tile)(shape, 1, 2, 4, job, q, p, r, 0, 1);
  }
  for (; p < whole; p++) PASS(panel)(shape, 4, job, q, p, n, r);
  if (shape == MR_SHAPE_LINE) switch (vectors % 4) { // the narrower last panel
    case 1: PASS(panel)(shape, 1, job, q, p, n, r); break;
    case 2: PASS(panel)(shape, 2, job, q, p, n, r); break;
    case 3: PASS(panel)(shape, 3, job, q, p, n, r); break;
  }
}
TARGET static void PASS(run)(const mr_panels *q, mr_job job, int n, const mr_rows *r) {
#define CASE(SHAPE) case SHAPE: PASS(panels)(SHAPE, job, q, n, r); break;
  switch (q->shape) { CASE(MR_SHAPE_LSTM) CASE(MR_SHAPE_GRU_AFTER) CASE(MR_SHAPE_GRU_BEFORE) CASE(MR_SHAPE_LINE) }
#undef CASE
}
