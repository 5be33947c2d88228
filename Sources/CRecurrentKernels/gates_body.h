// gates_body.h: from finished sums to the new state, one text for all formats. See functions_body.h for the macros.

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
// The end of a tile in any format: sums are stored, or go through the gates.
TARGET MR_INLINE void NAME(give)(const mr_shape shape, const mr_job job, const int M, const int P, const int G, V (*sums)[4], const mr_rows *r, int s, int p0) {
  const bool line = shape == MR_SHAPE_LINE;
  const int chains = line ? G : mr_chains(shape), xg = line ? G : mr_xgates(shape), units = line ? 4 * LANES : LANES;
  const int kept = job == MR_JOB_PROJECT ? xg : chains, step = line ? units : kept * LANES;
  MR_UNROLL for (int m = 0; m < M; m++)
    MR_UNROLL for (int p = 0; p < P; p++)
      if (job == MR_JOB_PROJECT || __builtin_expect(r->keep_sums, 0)) {
        MR_UNROLL for (int g = 0; g < kept; g++) OP(storeu_ps)(r->out[s + m] + (p0 + p) * step + g * LANES, sums[m * P + p][g]);
      } else {
        NAME(finish)(shape, G, sums[m * P + p], r, s + m, (p0 + p) * units);
      }
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
