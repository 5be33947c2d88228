// functions_body.h: exp, sigmoid and tanh, written once; every path file includes it after defining
// NAME(own function) OP(instruction) TARGET V LANES STREAMS SOLO, and TOGETHER: vectors whose gates are computed in step, at most 4.
// Only correctly rounded or exact operations, in one order, so the bits are the same on every path. No product
// feeds an addition except inside fmadd/fnmadd: a compiler that contracts a*b+c finds nothing to contract.

// Functions take N vectors in step with each other, operation by operation: one value alone would wait for each of its
// operations, and processors do not look far enough ahead to find the next one by themselves.
#define EACH MR_UNROLL for (int j = 0; j < N; j++)

// exp(y) = s * (1 + q), s = 2^n, -87 <= y <= 88.37; y becomes q. Adding 1.5*2^23 + 127 rounds to nearest even in every
// instruction set and leaves n + 127 in the low bits, which shifted by 23 are 2^n: no round, convert or scalef instruction.
// The polynomial is Cephes' expf.
TARGET MR_INLINE void NAME(exp_parts)(const int N, V *y, V *s) {
  const V shifter = OP(set1_ps)(12583039.0f);
  V n[N_MOST], p[N_MOST];
  EACH s[j] = OP(fmadd_ps)(y[j], OP(set1_ps)(1.44269504088896341f), shifter);
  EACH n[j] = s[j] - shifter;
  EACH y[j] = OP(fnmadd_ps)(n[j], OP(set1_ps)(0.693359375f), y[j]);
  EACH y[j] = OP(fnmadd_ps)(n[j], OP(set1_ps)(-2.12194440e-4f), y[j]);
  EACH p[j] = OP(fmadd_ps)(OP(set1_ps)(1.9875691500e-4f), y[j], OP(set1_ps)(1.3981999507e-3f));
  EACH p[j] = OP(fmadd_ps)(p[j], y[j], OP(set1_ps)(8.3334519073e-3f));
  EACH p[j] = OP(fmadd_ps)(p[j], y[j], OP(set1_ps)(4.1665795894e-2f));
  EACH p[j] = OP(fmadd_ps)(p[j], y[j], OP(set1_ps)(1.6666665459e-1f));
  EACH p[j] = OP(fmadd_ps)(p[j], y[j], OP(set1_ps)(5.0000001201e-1f));
  EACH s[j] = NAME(shl23)(s[j]);
  EACH y[j] = OP(fmadd_ps)(y[j] * y[j], p[j], y[j]);
}
// min_ps and max_ps give their second operand when one is NaN (as minps does), so a NaN stays a NaN.
TARGET MR_INLINE V NAME(limit)(V low, V high, V x) {
  return OP(max_ps)(low, OP(min_ps)(high, x));
}
// In place: vector j through tanh if bit j of `tanhs` is set, else through sigmoid.
// sigmoid: 1 / (1 + exp(-x)), with -x limited to +-87. tanh: e / (e + 2) with e = exp(2x) - 1, which cancels nothing near 0; 2x limited to +-20.
TARGET MR_INLINE void NAME(gates)(const int N, const unsigned tanhs, V *v) {
  V s[N_MOST];
  EACH v[j] = tanhs >> j & 1 ? v[j] + v[j] : OP(set1_ps)(0.0f) - v[j];
  EACH v[j] = tanhs >> j & 1 ? NAME(limit)(OP(set1_ps)(-20.0f), OP(set1_ps)(20.0f), v[j]) : NAME(limit)(OP(set1_ps)(-87.0f), OP(set1_ps)(87.0f), v[j]);
  NAME(exp_parts)(N, v, s);
  EACH v[j] = OP(fmadd_ps)(s[j], v[j], tanhs >> j & 1 ? s[j] - OP(set1_ps)(1.0f) : s[j] + OP(set1_ps)(1.0f));
  EACH v[j] = tanhs >> j & 1 ? v[j] / (v[j] + OP(set1_ps)(2.0f)) : OP(set1_ps)(1.0f) / v[j];
}
#undef EACH
TARGET MR_INLINE V NAME(sigmoid)(V x) {
  NAME(gates)(1, 0, &x);
  return x;
}
TARGET MR_INLINE V NAME(tanh)(V x) {
  NAME(gates)(1, 1, &x);
  return x;
}
