// gates_body.h: from finished sums to the new state, one text for all formats. See functions_body.h for the macros.

// Some vectors of one function, TOGETHER at a time.
TARGET MR_INLINE void NAME(all)(const int count, const bool tanhs, V *v) {
  const int whole = count - count % TOGETHER;
  MR_UNROLL for (int i = 0; i < whole; i += TOGETHER) NAME(gates)(TOGETHER, tanhs ? ~0u : 0, v + i);
  NAME(gates)(count - whole, tanhs ? ~0u : 0, v + whole);
}
// From the finished sums of M streams and P panels to the new state, stage by stage. G: vectors of a LINE panel.
TARGET MR_INLINE void NAME(finish)(const mr_shape shape, const int M, const int P, const int G, V (*sums)[4], const mr_rows *r, int s, int p0) {
  enum { MOST = STREAMS > SOLO ? STREAMS : SOLO };
  const int units = shape == MR_SHAPE_LINE ? 4 * LANES : LANES;
#define EACH MR_UNROLL for (int m = 0; m < M; m++) MR_UNROLL for (int p = 0, i = m * P, at = p0 * units; p < P; p++, i++, at += units)
  if (shape == MR_SHAPE_LSTM) {
    V last[MOST];
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
  } else if (shape == MR_SHAPE_GRU_AFTER) {
    V candidate[MOST];
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
  } else if (shape == MR_SHAPE_GRU_BEFORE) { // the candidate's chain goes on in a second pass, over r * h
    EACH {
      V *a = sums[i];
      NAME(all)(2, false, a);
      OP(storeu_ps)(r->update[s + m] + at, a[0]);
      OP(storeu_ps)(r->reset[s + m] + at, a[1] * OP(loadu_ps)(r->old[s + m] + at));
      OP(storeu_ps)(r->out[s + m] + at, a[2]);
    }
  } else {
    EACH {
      V *a = sums[i];
      NAME(all)(G, true, a);
      MR_UNROLL for (int g = 0; g < G; g++) {
        if (r->z) { // the second pass of a GRU without reset_after
          V h = OP(loadu_ps)(r->old[s + m] + at + g * LANES);
          a[g] = OP(fmadd_ps)(OP(loadu_ps)(r->z[s + m] + at + g * LANES), h - a[g], a[g]);
        }
        OP(storeu_ps)(r->out[s + m] + at + g * LANES, a[g]);
      }
    }
  }
#undef EACH
}
// The end of a tile in any format: sums are stored, or go through the gates.
TARGET MR_INLINE void NAME(give)(const mr_shape shape, const mr_job job, const int M, const int P, const int G, V (*sums)[4], const mr_rows *r, int s, int p0) {
  const bool line = shape == MR_SHAPE_LINE;
  const int chains = line ? G : mr_chains(shape), xg = line ? G : mr_xgates(shape), units = line ? 4 * LANES : LANES;
  const int kept = job == MR_JOB_PROJECT ? xg : chains, step = line ? units : kept * LANES;
  if (job == MR_JOB_PROJECT || __builtin_expect(r->keep_sums, 0)) {
    MR_UNROLL for (int m = 0; m < M; m++)
      MR_UNROLL for (int p = 0; p < P; p++)
        MR_UNROLL for (int g = 0; g < kept; g++) OP(storeu_ps)(r->out[s + m] + (p0 + p) * step + g * LANES, sums[m * P + p][g]);
  } else {
    NAME(finish)(shape, M, P, G, sums, r, s, p0);
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
