/// IEEE 754 half precision from its bits, without the type that some targets lack.
enum HalfPrecision {
  /// The exact value of 16 bits: 1 sign, 5 exponent, 10 fraction.
  static func float(_ bits: UInt16) -> Float {
    let sign: Float = bits & 0x8000 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1f)
    let fraction = Float(bits & 0x3ff)
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 0x1f: return fraction == 0 ? sign * .infinity : .nan
    default:
      return sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction * 0x1p-10)
    }
  }
}
