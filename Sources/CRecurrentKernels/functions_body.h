// functions_body.h: exp, sigmoid and tanh, written once; every path file includes it after defining
// NAME(own function) OP(instruction) TARGET V LANES STREAMS.
// Only correctly rounded or exact operations, in one order, so the bits are the same on every path. No product
// feeds an addition except inside fmadd/fnmadd: a compiler that contracts a*b+c finds nothing to contract.

// exp(y) = s * (1 + q), s = 2^n, -87 <= y <= 88.37. Adding 1.5*2^23 + 127 rounds to nearest even in every instruction
// set and leaves n + 127 in the low bits, which shifted by 23 are 2^n: no round, convert or scalef instruction.
// The polynomial is Cephes' expf.
TARGET MR_INLINE V NAME(exp_parts)(V y, V *s) {
  const V shifter = OP(set1_ps)(12583039.0f);
  V t = OP(fmadd_ps)(y, OP(set1_ps)(1.44269504088896341f), shifter), n = t - shifter;
  V r = OP(fnmadd_ps)(n, OP(set1_ps)(-2.12194440e-4f), OP(fnmadd_ps)(n, OP(set1_ps)(0.693359375f), y));
  V p = OP(fmadd_ps)(OP(set1_ps)(1.9875691500e-4f), r, OP(set1_ps)(1.3981999507e-3f));
  p = OP(fmadd_ps)(p, r, OP(set1_ps)(8.3334519073e-3f));
  p = OP(fmadd_ps)(p, r, OP(set1_ps)(4.1665795894e-2f));
  p = OP(fmadd_ps)(p, r, OP(set1_ps)(1.6666665459e-1f));
  p = OP(fmadd_ps)(p, r, OP(set1_ps)(5.0000001201e-1f));
  *s = NAME(shl23)(t);
  return OP(fmadd_ps)(r * r, p, r);
}
// min_ps and max_ps give their second operand when one is NaN (as minps does), so a NaN stays a NaN.
TARGET MR_INLINE V NAME(limit)(V low, V high, V x) {
  return OP(max_ps)(low, OP(min_ps)(high, x));
}
// 1 / (1 + exp(-x)), with -x limited to +-87.
TARGET MR_INLINE V NAME(sigmoid)(V x) {
  V s, y = NAME(limit)(OP(set1_ps)(-87.0f), OP(set1_ps)(87.0f), OP(set1_ps)(0.0f) - x), q = NAME(exp_parts)(y, &s);
  return OP(set1_ps)(1.0f) / OP(fmadd_ps)(s, q, s + OP(set1_ps)(1.0f));
}
// e / (e + 2) with e = exp(2x) - 1: nothing cancels near 0. 2x limited to +-20.
TARGET MR_INLINE V NAME(tanh)(V x) {
  V s, y = NAME(limit)(OP(set1_ps)(-20.0f), OP(set1_ps)(20.0f), x + x), q = NAME(exp_parts)(y, &s);
  V e = OP(fmadd_ps)(s, q, s - OP(set1_ps)(1.0f));
  return e / (e + OP(set1_ps)(2.0f));
}
