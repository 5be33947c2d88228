// f32_body.h: the step in f32, written once for all cells and all paths. See functions_body.h for the macros.
// Every sum is ONE chain of fused multiply-adds: bias, W x in order of k, U h in order of k. Vector lanes run across
// units; speed comes from more units and more streams in flight, never from splitting a sum.

// M streams x P panels x G vectors of weights, all sums in registers. Weight vector g feeds sum g; the third one of
// a GRU's U feeds the fourth sum (third = 3), which keeps the candidate's two chains apart.
TARGET MR_INLINE void NAME(mac)(const int M, const int P, const int G, const int third, V (*acc)[4], const float *const *rows, int K,
                                const float *w, size_t panel) {
  const float *r[STREAMS];
  MR_UNROLL for (int m = 0; m < M; m++) r[m] = rows[m];
  for (int k = 0; k < K; k++, w += G * LANES) {
    V x[STREAMS];
    MR_UNROLL for (int m = 0; m < M; m++) x[m] = OP(set1_ps)(r[m][k]);
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < G; g++) {
        V wv = OP(loadu_ps)(w + p * panel + g * LANES);
        const int a = g == 2 ? third : g;
        MR_UNROLL for (int m = 0; m < M; m++) acc[m * P + p][a] = OP(fmadd_ps)(x[m], wv, acc[m * P + p][a]);
      }
  }
}
// From the finished sums of one stream and panel to the new state. `at`: the first unit; G: vectors of a LINE panel.
TARGET MR_INLINE void NAME(finish)(const mr_shape shape, const int G, const V *a, const mr_rows *r, int s, int at) {
  if (shape == MR_SHAPE_LSTM) {
    V i = NAME(sigmoid)(a[0]), f = NAME(sigmoid)(a[1]), g = NAME(tanh)(a[2]), o = NAME(sigmoid)(a[3]);
    V c = OP(fmadd_ps)(f, OP(loadu_ps)(r->c[s] + at), i * g);
    OP(storeu_ps)(r->c[s] + at, c);
    OP(storeu_ps)(r->out[s] + at, o * NAME(tanh)(c));
  } else if (shape == MR_SHAPE_GRU_AFTER) {
    V z = NAME(sigmoid)(a[0]), reset = NAME(sigmoid)(a[1]), hh = NAME(tanh)(OP(fmadd_ps)(reset, a[3], a[2]));
    V h = OP(loadu_ps)(r->h_in[s] + at);
    OP(storeu_ps)(r->out[s] + at, OP(fmadd_ps)(z, h - hh, hh));
  } else if (shape == MR_SHAPE_GRU_BEFORE) { // the candidate's chain goes on in a second pass, over r * h
    OP(storeu_ps)(r->update[s] + at, NAME(sigmoid)(a[0]));
    OP(storeu_ps)(r->reset[s] + at, NAME(sigmoid)(a[1]) * OP(loadu_ps)(r->old[s] + at));
    OP(storeu_ps)(r->out[s] + at, a[2]);
  } else if (r->z) { // that second pass
    MR_UNROLL for (int g = 0; g < G; g++) {
      V hh = NAME(tanh)(a[g]), h = OP(loadu_ps)(r->old[s] + at + g * LANES);
      OP(storeu_ps)(r->out[s] + at + g * LANES, OP(fmadd_ps)(OP(loadu_ps)(r->z[s] + at + g * LANES), h - hh, hh));
    }
  } else {
    MR_UNROLL for (int g = 0; g < G; g++) OP(storeu_ps)(r->out[s] + at + g * LANES, NAME(tanh)(a[g]));
  }
}
// G: vectors in a row of the panel when the shape is LINE.
TARGET MR_INLINE void NAME(tile)(const mr_shape shape, const mr_job job, const int M, const int P, const int G, const mr_panels *q, int p0,
                                 const mr_rows *r, int s) {
  const bool line = shape == MR_SHAPE_LINE;
  const int chains = line ? G : mr_chains(shape), xg = line ? G : mr_xgates(shape), hg = line ? G : mr_hgates(shape);
  const int third = shape == MR_SHAPE_GRU_AFTER ? 3 : 2;
  const int units = line ? 4 * LANES : LANES; // in a full panel
  const int bstep = line ? units : chains * LANES, xstep = line ? units : xg * LANES;
  V acc[STREAMS > SOLO ? STREAMS : SOLO][4];
  const float *w = (const float *)q->w + p0 * q->panel;
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < chains; g++) { // a GRU's recurrent chain always starts from its own bias
        const bool stored = job == MR_JOB_REST && g < xg;
        acc[m * P + p][g] = OP(loadu_ps)((stored ? r->x[s + m] + (p0 + p) * xstep : q->b + (p0 + p) * bstep) + g * LANES);
      }
  if (job != MR_JOB_REST) NAME(mac)(M, P, xg, 2, acc, r->x + s, q->inputs, w, q->panel);
  if (job != MR_JOB_PROJECT) NAME(mac)(M, P, hg, third, acc, r->h_in + s, q->recurrent, w + (size_t)q->inputs * xg * LANES, q->panel);
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int p = 0; p < P; p++)
      if (job == MR_JOB_PROJECT) {
        MR_UNROLL for (int g = 0; g < xg; g++) OP(storeu_ps)(r->out[s + m] + (p0 + p) * xstep + g * LANES, acc[m * P + p][g]);
      } else if (__builtin_expect(r->keep_sums, 0)) {
        MR_UNROLL for (int g = 0; g < chains; g++) OP(storeu_ps)(r->out[s + m] + (p0 + p) * bstep + g * LANES, acc[m * P + p][g]);
      } else {
        NAME(finish)(shape, G, acc[m * P + p], r, s + m, (p0 + p) * units);
      }
}
// One panel, all streams: its weights stay in cache while the streams pass by in blocks of up to STREAMS.
TARGET MR_INLINE void NAME(panel)(const mr_shape shape, const mr_job job, const int G, const mr_panels *q, int p, int n, const mr_rows *r) {
  for (int s = 0, m; s < n; s += m) {
    int left = n - s;
    m = left <= STREAMS ? left : left < 2 * STREAMS ? (left + 1) / 2 : STREAMS;
    if (m > STREAMS) __builtin_unreachable();
#define CASE(M) case M: NAME(tile)(shape, job, M < STREAMS ? M : STREAMS, 1, G, q, p, r, s); break;
    switch (m) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) }
#undef CASE
  }
}
TARGET MR_INLINE void NAME(panels)(const mr_shape shape, const mr_job job, const mr_panels *q, int n, const mr_rows *r) {
  const int vectors = q->row / LANES, whole = shape == MR_SHAPE_LINE ? vectors / 4 : vectors;
  int p = 0;
  if (n == 1)
    for (; p + SOLO <= whole; p += SOLO) NAME(tile)(shape, job, 1, SOLO, 4, q, p, r, 0);
  for (; p < whole; p++) NAME(panel)(shape, job, 4, q, p, n, r);
  if (shape == MR_SHAPE_LINE) switch (vectors % 4) { // the narrower last panel
    case 1: NAME(panel)(shape, job, 1, q, p, n, r); break;
    case 2: NAME(panel)(shape, job, 2, q, p, n, r); break;
    case 3: NAME(panel)(shape, job, 3, q, p, n, r); break;
  }
}
TARGET static void NAME(f32)(const mr_panels *q, mr_job job, int n, const mr_rows *r) {
#define EACH(SHAPE, JOB) case SHAPE * 4 + JOB: NAME(panels)(SHAPE, JOB, q, n, r); break;
#define JOBS(SHAPE) EACH(SHAPE, MR_JOB_STEP) EACH(SHAPE, MR_JOB_PROJECT) EACH(SHAPE, MR_JOB_REST)
  switch (q->shape * 4 + job) { JOBS(MR_SHAPE_LSTM) JOBS(MR_SHAPE_GRU_AFTER) JOBS(MR_SHAPE_GRU_BEFORE) JOBS(MR_SHAPE_LINE) }
#undef JOBS
#undef EACH
}
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
