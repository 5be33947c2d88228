// gates_body.h: from finished sums to the new state, one text for all formats. See functions_body.h for the macros.

enum { NAME(most) = STREAMS > SOLO ? STREAMS : SOLO }; // streams, or panels, of a tile

// Some vectors of one function, TOGETHER at a time.
TARGET MR_INLINE void NAME(all)(const int count, const bool tanhs, V *v) {
  const int whole = count - count % TOGETHER;
  MR_UNROLL for (int i = 0; i < whole; i += TOGETHER) NAME(gates)(TOGETHER, tanhs ? ~0u : 0, v + i);
  NAME(gates)(count - whole, tanhs ? ~0u : 0, v + whole);
}
// From the finished sums of M streams and P panels to the new state, stage by stage.
#define EACH MR_UNROLL for (int m = 0; m < M; m++) MR_UNROLL for (int p = 0, i = m * P, at = p0 * LANES; p < P; p++, i++, at += LANES)
TARGET MR_INLINE void NAME(finish_lstm)(const int M, const int P, V (*sums)[4], const mr_rows *r, int s, int p0) {
  V last[NAME(most)];
  EACH {
    V *a = sums[i];
    if (TOGETHER >= 4) NAME(gates)(4, 4, a);
    else NAME(all)(2, false, a), NAME(gates)(2, 1, a + 2);
    a[2] = OP(fmadd_ps)(a[1], OP(loadu_ps)(r->c[s + m] + at), a[0] * a[2]);
    OP(storeu_ps)(r->c[s + m] + at, a[2]);
    last[i] = a[2];
  }
  NAME(all)(M * P, true, last);
  EACH OP(storeu_ps)(r->out[s + m] + at, sums[i][3] * last[i]);
}
TARGET MR_INLINE void NAME(finish_gru)(const int M, const int P, V (*sums)[4], const mr_rows *r, int s, int p0) {
  V candidate[NAME(most)];
  EACH {
    V *a = sums[i];
    NAME(all)(2, false, a);
    candidate[i] = OP(fmadd_ps)(a[1], a[3], a[2]);
  }
  NAME(all)(M * P, true, candidate);
  EACH {
    V h = OP(loadu_ps)(r->h_in[s + m] + at);
    OP(storeu_ps)(r->out[s + m] + at, OP(fmadd_ps)(sums[i][0], h - candidate[i], candidate[i]));
  }
}
#undef EACH
// The rest is not part of every tile: its sums pass through memory, to one copy of the code for all sizes.
#define EACH for (int m = 0, i = 0; m < M; m++) for (int p = 0, at = p0 * units; p < P; p++, i++, at += units)
TARGET MR_OWN void NAME(finish_gru_before)(int M, int P, const V (*sums)[4], const mr_rows *r, int s, int p0) {
  const int units = LANES;
  EACH { // the candidate's chain goes on in a second pass, over r * h
    V a[2] = {sums[i][0], sums[i][1]};
    NAME(all)(2, false, a);
    OP(storeu_ps)(r->update[s + m] + at, a[0]);
    OP(storeu_ps)(r->reset[s + m] + at, a[1] * OP(loadu_ps)(r->old[s + m] + at));
    OP(storeu_ps)(r->out[s + m] + at, sums[i][2]);
  }
}
// G: vectors of the panel.
TARGET MR_INLINE void NAME(finish_line)(const int G, int M, int P, const V (*sums)[4], const mr_rows *r, int s, int p0) {
  const int units = 4 * LANES;
  EACH {
    V a[4];
    MR_UNROLL for (int g = 0; g < G; g++) a[g] = sums[i][g];
    NAME(all)(G, true, a);
    MR_UNROLL for (int g = 0; g < G; g++) {
      if (r->z) { // that second pass
        V h = OP(loadu_ps)(r->old[s + m] + at + g * LANES);
        a[g] = OP(fmadd_ps)(OP(loadu_ps)(r->z[s + m] + at + g * LANES), h - a[g], a[g]);
      }
      OP(storeu_ps)(r->out[s + m] + at + g * LANES, a[g]);
    }
  }
}
TARGET MR_OWN void NAME(finish_full_line)(int M, int P, const V (*sums)[4], const mr_rows *r, int s, int p0) { NAME(finish_line)(4, M, P, sums, r, s, p0); }
TARGET MR_OWN void NAME(finish_last_line)(int G, int M, int P, const V (*sums)[4], const mr_rows *r, int s, int p0) {
  switch (G) {
    case 1: NAME(finish_line)(1, M, P, sums, r, s, p0); break;
    case 2: NAME(finish_line)(2, M, P, sums, r, s, p0); break;
    case 3: NAME(finish_line)(3, M, P, sums, r, s, p0); break;
  }
}
// Sums that are stored: `count` vectors of each panel, `units` floats from one panel to the next.
TARGET MR_OWN void NAME(store)(int count, int units, int M, int P, const V (*sums)[4], const mr_rows *r, int s, int p0) {
  EACH for (int g = 0; g < count; g++) OP(storeu_ps)(r->out[s + m] + at + g * LANES, sums[i][g]);
}
#undef EACH
// The end of a tile in any format: sums go through the gates, or are stored.
TARGET MR_INLINE void NAME(give)(const mr_shape shape, const int M, const int P, const int G, mr_job job, V (*sums)[4], const mr_rows *r, int s, int p0) {
  const bool line = shape == MR_SHAPE_LINE, stored = job == MR_JOB_PROJECT || r->keep_sums;
  const int chains = line ? G : mr_chains(shape), xg = line ? G : mr_xgates(shape);
  if (!stored && shape == MR_SHAPE_LSTM) return NAME(finish_lstm)(M, P, sums, r, s, p0);
  if (!stored && shape == MR_SHAPE_GRU_AFTER) return NAME(finish_gru)(M, P, sums, r, s, p0);
  V kept[NAME(most)][4]; // a copy, so that `sums` may stay in registers
  MR_UNROLL for (int i = 0; i < M * P; i++)
    MR_UNROLL for (int g = 0; g < chains; g++) kept[i][g] = sums[i][g];
  const int count = job == MR_JOB_PROJECT ? xg : chains;
  if (stored) NAME(store)(count, line ? 4 * LANES : count * LANES, M, P, kept, r, s, p0);
  else if (shape == MR_SHAPE_GRU_BEFORE) NAME(finish_gru_before)(M, P, kept, r, s, p0);
  else if (G == 4) NAME(finish_full_line)(M, P, kept, r, s, p0);
  else NAME(finish_last_line)(G, M, P, kept, r, s, p0);
}
// Stored sums may be rows of a large table: fetches those of the next panel, and for the first panel those of the next streams.
TARGET MR_INLINE void NAME(rows_ahead)(const int M, const int floats, int p0, const mr_rows *r, int s, int n) {
  MR_UNROLL for (int m = 0; m < M; m++) {
    const float *later = r->x[s + m] + (p0 + 1) * floats;
    MR_UNROLL for (int i = 0; i < floats; i += 16) __builtin_prefetch(later + i);
  }
  if (p0 == 0)
    for (int m = s + M; m < s + 2 * M && m < n; m++)
      MR_UNROLL for (int i = 0; i < floats; i += 16) __builtin_prefetch(r->x[m] + i);
}
// What the sums of a tile start from: biases, or sums that were stored.
TARGET MR_INLINE void NAME(begin)(const mr_shape shape, const int M, const int P, const int G, mr_job job, V (*sums)[4], const mr_panels *q, int p0,
                                  const mr_rows *r, int s, int n) {
  const bool line = shape == MR_SHAPE_LINE;
  const int chains = line ? G : mr_chains(shape), xg = line ? G : mr_xgates(shape);
  const int bstep = line ? 4 * LANES : chains * LANES, xstep = line ? 4 * LANES : xg * LANES; // floats from one panel to the next
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < chains; g++) sums[m * P + p][g] = OP(loadu_ps)(q->b + (p0 + p) * bstep + g * LANES);
  if (job != MR_JOB_REST) return;
  MR_UNROLL for (int m = 0; m < M; m++) // a GRU's recurrent chain still starts from its own bias
    MR_UNROLL for (int p = 0; p < P; p++)
      MR_UNROLL for (int g = 0; g < xg; g++) sums[m * P + p][g] = OP(loadu_ps)(r->x[s + m] + (p0 + p) * xstep + g * LANES);
  NAME(rows_ahead)(M, P * xstep, p0, r, s, n);
}
