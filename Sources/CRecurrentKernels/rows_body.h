// rows_body.h: softmax, layer normalisation and what works element by element. See functions_body.h for the macros.
// A sum across units goes to sixteen partial sums, element i to i mod 16, folded 8-4-2-1, on every path. What is
// missing in the last sixteen counts as +0, which changes no partial sum, as those start from +0.
enum { NAME(parts) = 16 / LANES }; // vectors that hold the sixteen partial sums

// exp(x); exactly 0 below -87, held at exp(88.37) above 88.37.
TARGET MR_INLINE V NAME(exp)(V x) {
  V s, y = NAME(limit)(OP(set1_ps)(-87.0f), OP(set1_ps)(88.37f), x), q = y;
  NAME(exp_parts)(1, &q, &s);
  return NAME(zero_below)(x, OP(set1_ps)(-87.0f), OP(fmadd_ps)(s, q, s));
}
// One vector through one function of a single unit.
TARGET MR_INLINE V NAME(unit_value)(mr_unit_function which, V x) {
  switch (which) {
    case MR_SIGMOID: return NAME(sigmoid)(x);
    case MR_TANH: return NAME(tanh)(x);
    case MR_RELU: return OP(max_ps)(OP(set1_ps)(0.0f), x);
    case MR_EXPONENTIAL: return NAME(exp)(x);
    case MR_HARD_SIGMOID: // Keras 3: relu6(x + 3) / 6
      return NAME(limit)(OP(set1_ps)(0.0f), OP(set1_ps)(6.0f), x + OP(set1_ps)(3.0f)) / OP(set1_ps)(6.0f);
    case MR_HARD_SIGMOID_KERAS2: // clip(0.2 x + 0.5, 0, 1)
      return NAME(limit)(OP(set1_ps)(0.0f), OP(set1_ps)(1.0f), OP(fmadd_ps)(OP(set1_ps)(0.2f), x, OP(set1_ps)(0.5f)));
    default: return x;
  }
}
TARGET MR_INLINE float NAME(folded)(const V *sums) {
  float s[16];
  MR_UNROLL for (int j = 0; j < NAME(parts); j++) OP(storeu_ps)(s + j * LANES, sums[j]);
  for (int half = 8; half; half /= 2)
    for (int i = 0; i < half; i++) s[i] += s[i + half];
  return s[0];
}
// Adds the values of a row, or with `squares` their squares, fused.
TARGET MR_INLINE float NAME(row_sum)(const bool squares, int count, const float *row) {
  V sums[16];
  float last[16] = {0};
  MR_UNROLL for (int j = 0; j < NAME(parts); j++) sums[j] = OP(set1_ps)(0.0f);
  for (int i = 0; i < count; i += 16) {
    const float *at = row + i;
    if (count - i < 16) {
      for (int j = 0; j < count - i; j++) last[j] = at[j];
      at = last;
    }
    MR_UNROLL for (int j = 0; j < NAME(parts); j++) {
      V v = OP(loadu_ps)(at + j * LANES);
      if (squares) sums[j] = OP(fmadd_ps)(v, v, sums[j]);
      else sums[j] = sums[j] + v;
    }
  }
  return NAME(folded)(sums);
}
// Calls DO(at) for each vector of a row; the last one, when not whole, by way of a copy.
#define EACH_VECTOR(COUNT, ROW, DO)                                                   \
  for (int i = 0; i < (COUNT); i += LANES) {                                          \
    const int left = (COUNT) - i;                                                     \
    if (left >= LANES) { OP(storeu_ps)((ROW) + i, DO(OP(loadu_ps)((ROW) + i), i)); }  \
    else {                                                                            \
      float last[LANES] = {0};                                                        \
      for (int j = 0; j < left; j++) last[j] = (ROW)[i + j];                          \
      OP(storeu_ps)(last, DO(OP(loadu_ps)(last), i));                                 \
      for (int j = 0; j < left; j++) (ROW)[i + j] = last[j];                          \
    }                                                                                 \
  }
TARGET static void NAME(softmax)(int count, float *row) {
  V most = OP(set1_ps)(row[0]);
  int whole = count - count % LANES;
  for (int i = 0; i < whole; i += LANES) most = OP(max_ps)(most, OP(loadu_ps)(row + i));
  float each[LANES];
  OP(storeu_ps)(each, most);
  float maximum = each[0];
  for (int j = 1; j < LANES; j++) maximum = maximum > each[j] ? maximum : each[j];
  for (int i = whole; i < count; i++) maximum = maximum > row[i] ? maximum : row[i];
  const V top = OP(set1_ps)(maximum);
#define DO(v, i) NAME(exp)((v) - top)
  EACH_VECTOR(count, row, DO)
#undef DO
  const V sum = OP(set1_ps)(NAME(row_sum)(false, count, row));
#define DO(v, i) ((v) / sum)
  EACH_VECTOR(count, row, DO)
#undef DO
}
TARGET static void NAME(layer_norm)(int count, const float *gamma, const float *beta, float epsilon, const float *in, float *out) {
  const float mean = NAME(row_sum)(false, count, in) / (float)count;
  for (int i = 0; i < count; i++) out[i] = in[i] - mean;
  const float variance = NAME(row_sum)(true, count, out) / (float)count, deviation = sqrtf(variance + epsilon);
  int i = 0;
  for (; i + LANES <= count; i += LANES)
    OP(storeu_ps)(out + i, OP(fmadd_ps)(OP(loadu_ps)(out + i) / OP(set1_ps)(deviation), OP(loadu_ps)(gamma + i), OP(loadu_ps)(beta + i)));
  for (; i < count; i++) out[i] = __builtin_fmaf(out[i] / deviation, gamma[i], beta[i]);
}
TARGET static void NAME(unit)(mr_unit_function which, int count, float *row) {
#define DO(v, i) NAME(unit_value)(WHICH, v)
#define CASE(F) case F: { const mr_unit_function WHICH = F; EACH_VECTOR(count, row, DO) break; }
  switch (which) {
    CASE(MR_SIGMOID) CASE(MR_TANH) CASE(MR_RELU) CASE(MR_EXPONENTIAL) CASE(MR_HARD_SIGMOID) CASE(MR_HARD_SIGMOID_KERAS2)
    default: break;
  }
#undef CASE
#undef DO
}
#undef EACH_VECTOR
// Rows of whole vectors, for mr_step_with.
TARGET static void NAME(lstm_cell)(int count, const float *i, const float *f, const float *g, float *c) {
  for (int j = 0; j < count; j += LANES)
    OP(storeu_ps)(c + j, OP(fmadd_ps)(OP(loadu_ps)(f + j), OP(loadu_ps)(c + j), OP(loadu_ps)(i + j) * OP(loadu_ps)(g + j)));
}
TARGET static void NAME(blend)(int count, const float *z, const float *h, const float *candidate, float *out) {
  for (int j = 0; j < count; j += LANES) {
    V hh = OP(loadu_ps)(candidate + j);
    OP(storeu_ps)(out + j, OP(fmadd_ps)(OP(loadu_ps)(z + j), OP(loadu_ps)(h + j) - hh, hh));
  }
}
TARGET static void NAME(multiply)(int count, const float *a, const float *b, float *out) {
  for (int j = 0; j < count; j += LANES) OP(storeu_ps)(out + j, OP(loadu_ps)(a + j) * OP(loadu_ps)(b + j));
}
TARGET static void NAME(fuse)(int count, const float *a, const float *b, float *c) {
  for (int j = 0; j < count; j += LANES) OP(storeu_ps)(c + j, OP(fmadd_ps)(OP(loadu_ps)(a + j), OP(loadu_ps)(b + j), OP(loadu_ps)(c + j)));
}
