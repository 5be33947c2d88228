// bf16_wide_body.h: bf16 weights widened to f32 in registers, activations in f32: the f32 chain with rounded weights. See
// functions_body.h for the macros; a path also defines first_half(words) and second_half(words).
TARGET MR_INLINE void NAME(bf16_mac)(const int M, const int P, const int G, const int third, V (*acc)[4], const void *const *rows, int K, const uint16_t *w, size_t panel) {
  const float *r[STREAMS];
  MR_UNROLL for (int m = 0; m < M; m++) r[m] = rows[m];
  for (int k = 0; k < K; k += 2, w += G * LANES * 2) {
    V x[STREAMS];
    for (int half = 0; half < 2 && k + half < K; half++) { // an odd last row stands alone
      MR_UNROLL for (int m = 0; m < M; m++) x[m] = OP(set1_ps)(r[m][k + half]);
      MR_UNROLL for (int p = 0; p < P; p++)
        MR_UNROLL for (int g = 0; g < G; g++) {
          const V words = OP(loadu_ps)((const float *)(const void *)(w + p * panel + g * LANES * 2));
          const V wv = half ? NAME(second_half)(words) : NAME(first_half)(words);
          const int a = g == 2 ? third : g;
          MR_UNROLL for (int m = 0; m < M; m++) acc[m * P + p][a] = OP(fmadd_ps)(x[m], wv, acc[m * P + p][a]);
        }
    }
  }
}
