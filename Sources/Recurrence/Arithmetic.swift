// Links libm: on a processor baseline without fused multiply-add the compiler calls `fmaf`, which is
// exact like the instruction.
import Glibc

/// The functions that gates and activations are made of, as fixed sequences of exact operations.
///
/// Every function here is fused multiply-add, add, subtract, multiply, divide, square root,
/// compare-and-select and shifts of bit patterns, in one order. All of these are correctly rounded
/// (or exact) everywhere, so any implementation that repeats the sequence gives the same bits, on
/// any instruction set. No product feeds an addition except inside a fused multiply-add, so nothing
/// is left for a compiler to contract. The platform's `exp`, `tanh` and their like are not used: they
/// differ between machines.
///
/// A NaN stays a NaN; its sign and payload are not promised.
enum Arithmetic {
  /// The lesser value; the second operand when one is NaN (as the x86 instruction `minps`).
  @inline(__always)
  static func lesser(_ a: Float, _ b: Float) -> Float { a < b ? a : b }

  /// The greater value; the second operand when one is NaN (as the x86 instruction `maxps`).
  @inline(__always)
  static func greater(_ a: Float, _ b: Float) -> Float { a > b ? a : b }

  /// Fused `a * b + c`, rounded once.
  @inline(__always)
  static func fused(_ a: Float, _ b: Float, _ c: Float) -> Float { c.addingProduct(a, b) }

  /// Splits `exp(y)` into `power * (1 + rest)`, with `power` a power of two; `-87 <= y <= 88.37`.
  ///
  /// Adding 1.5 * 2^23 + 127 rounds to the nearest even integer and leaves `n + 127` in the low
  /// bits, which shifted by 23 are the float 2^n. The polynomial is Cephes' `expf`.
  @inline(__always)
  static func exponentialParts(_ y: Float) -> (power: Float, rest: Float) {
    let shifter: Float = 12_583_039
    let t = fused(y, 1.442_695_040_888_963_41, shifter)
    let n = t - shifter
    let r = fused(-n, -2.121_944_40e-4, fused(-n, 0.693_359_375, y))
    var p = fused(1.987_569_150_0e-4, r, 1.398_199_950_7e-3)
    p = fused(p, r, 8.333_451_907_3e-3)
    p = fused(p, r, 4.166_579_589_4e-2)
    p = fused(p, r, 1.666_666_545_9e-1)
    p = fused(p, r, 5.000_000_120_1e-1)
    return (Float(bitPattern: t.bitPattern &<< 23), fused(r * r, p, r))
  }

  /// `1 / (1 + exp(-x))`, with `-x` limited to ±87.
  static func sigmoid(_ x: Float) -> Float {
    let parts = exponentialParts(greater(-87, lesser(87, 0 - x)))
    return 1 / fused(parts.power, parts.rest, parts.power + 1)
  }

  /// `e / (e + 2)` with `e = exp(2x) - 1`, which cancels nothing near 0; `2x` limited to ±20.
  static func tanh(_ x: Float) -> Float {
    let parts = exponentialParts(greater(-20, lesser(20, x + x)))
    let e = fused(parts.power, parts.rest, parts.power - 1)
    return e / (e + 2)
  }

  /// `exp(x)`; exactly 0 below -87, and held at exp(88.37), about 2.4e38, above 88.37.
  static func exponential(_ x: Float) -> Float {
    let parts = exponentialParts(greater(-87, lesser(88.37, x)))
    let value = fused(parts.power, parts.rest, parts.power)
    return x < -87 ? 0 : value
  }

  /// `exp(x) - 1` without cancellation near 0; limits as in `exponential`.
  static func exponentialMinusOne(_ x: Float) -> Float {
    let parts = exponentialParts(greater(-87, lesser(88.37, x)))
    return fused(parts.power, parts.rest, parts.power - 1)
  }

  /// `log(1 + u)` for `0 <= u <= 1`.
  static func logarithmOfOnePlus(_ u: Float) -> Float { twiceArtanh(u / (2 + u)) }

  /// `log(x)` for a finite `x >= 1`.
  static func logarithm(_ x: Float) -> Float {
    let exponent = Float(Int32(x.bitPattern &>> 23) - 127)
    let mantissa = Float(bitPattern: x.bitPattern & 0x007f_ffff | 0x3f80_0000)
    let part = twiceArtanh((mantissa - 1) / (mantissa + 1))
    return fused(exponent, 0.693_359_375, fused(exponent, -2.121_944_40e-4, part))
  }

  /// `2 artanh(s) = log((1 + s) / (1 - s))` for `0 <= s <= 1/3`: eight terms of its series.
  private static func twiceArtanh(_ s: Float) -> Float {
    let square = s * s
    let double = s + s
    var p = fused(1 / 15, square, 1 / 13)
    p = fused(p, square, 1 / 11)
    p = fused(p, square, 1 / 9)
    p = fused(p, square, 1 / 7)
    p = fused(p, square, 1 / 5)
    p = fused(p, square, 1 / 3)
    return fused(double * square, p, double)
  }

  /// The complementary error function for `x >= 0`, absolute error 1.5e-7.
  ///
  /// Abramowitz and Stegun, Handbook of Mathematical Functions, formula 7.1.26.
  static func complementaryError(_ x: Float) -> Float {
    let t = 1 / fused(0.327_591_1, x, 1)
    var p = fused(1.061_405_429, t, -1.453_152_027)
    p = fused(p, t, 1.421_413_741)
    p = fused(p, t, -0.284_496_736)
    p = fused(p, t, 0.254_829_592)
    return p * t * exponential(0 - x * x)
  }
}
