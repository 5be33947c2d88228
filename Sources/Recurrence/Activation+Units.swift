extension Activation {
  /// The activation of one unit.
  ///
  /// - Precondition: not `softmax` or `logSoftmax`, which have no value for one unit alone.
  func unitValue(_ x: Float) -> Float {
    switch self {
    case .linear: return x
    case .tanh: return Arithmetic.tanh(x)
    case .sigmoid: return Arithmetic.sigmoid(x)
    case .hardSigmoid: return Self.limited(x + 3, 0, 6) / 6
    case .hardSigmoidKeras2: return Self.limited(Arithmetic.fused(0.2, x, 0.5), 0, 1)
    case .relu: return Arithmetic.greater(0, x)
    case .limitedRelu(let maxValue, let negativeSlope, let threshold):
      return Self.limitedRelu(
        x, maxValue: maxValue, negativeSlope: negativeSlope, threshold: threshold)
    case .relu6: return Self.limited(x, 0, 6)
    case .leakyRelu(let negativeSlope): return x > 0 ? x : negativeSlope * x
    case .exponential: return Arithmetic.exponential(x)
    case .hardTanh: return Self.limited(x, -1, 1)
    case .softShrink(let threshold):
      return abs(x) <= threshold ? 0 : (x > 0 ? x - threshold : x + threshold)
    case .hardShrink(let threshold): return abs(x) <= threshold ? 0 : x
    case .threshold(let threshold, let value): return x <= threshold ? value : x
    case .affine(let scale, let offset): return Arithmetic.fused(scale, x, offset)
    case .scaledTanh(let scale, let slope): return scale * Arithmetic.tanh(slope * x)
    case .clippedLine(let slope, let offset):
      return Self.limited(Arithmetic.fused(slope, x, offset), 0, 1)
    case .sparsePlus: return x <= -1 ? 0 : (x < 1 ? 0.25 * ((x + 1) * (x + 1)) : x)
    case .sparseSigmoid: return x <= -1 ? 0 : (x >= 1 ? 1 : 0.5 * (x + 1))
    case .softmax, .logSoftmax: preconditionFailure("\(self) works on a whole row of units")
    default: return smoothUnitValue(x)
    }
  }

  /// The remaining functions of one unit: those with exponentials, roots and divisions.
  private func smoothUnitValue(_ x: Float) -> Float {
    switch self {
    case .elu(let alpha): return x > 0 ? x : alpha * Arithmetic.exponentialMinusOne(x)
    case .selu:
      return 1.050_700_987_355_480_5
        * (x > 0 ? x : 1.673_263_242_354_377_2 * Arithmetic.exponentialMinusOne(x))
    case .celu(let alpha): return x > 0 ? x : alpha * Arithmetic.exponentialMinusOne(x / alpha)
    case .softplus: return Self.softplus(x)
    case .softsign: return x / (1 + abs(x))
    case .gelu: return Self.gelu(x)
    case .geluApproximate:
      let inner = 0.797_884_560_802_865_4 * Arithmetic.fused(0.044_715 * (x * x), x, x)
      return 0.5 * x * (1 + Arithmetic.tanh(inner))
    case .silu: return x * Arithmetic.sigmoid(x)
    case .hardSilu: return x * (Self.limited(x + 3, 0, 6) / 6)
    case .mish: return Self.mish(x)
    case .tanhShrink: return x - Arithmetic.tanh(x)
    case .squareplus(let b): return 0.5 * (x + Arithmetic.fused(x, x, b).squareRoot())
    case .logSigmoid: return 0 - Self.softplus(0 - x)
    default: preconditionFailure("\(self) is evaluated elsewhere")
    }
  }

  @inline(__always)
  private static func limited(_ x: Float, _ low: Float, _ high: Float) -> Float {
    Arithmetic.greater(low, Arithmetic.lesser(high, x))
  }

  /// Keras' `relu(x, negative_slope, max_value, threshold)`, in the order of its own code.
  private static func limitedRelu(
    _ x: Float, maxValue: Float?, negativeSlope: Float, threshold: Float
  ) -> Float {
    var positive = threshold == 0 ? Arithmetic.greater(0, x) : (x <= threshold ? 0 : x)
    if let maxValue { positive = limited(positive, 0, maxValue) }
    if negativeSlope == 0 { return positive }
    return Arithmetic.fused(-negativeSlope, Arithmetic.greater(0, threshold - x), positive)
  }

  /// `max(x, 0) + log(1 + exp(-|x|))`.
  private static func softplus(_ x: Float) -> Float {
    Arithmetic.greater(0, x) + Arithmetic.logarithmOfOnePlus(Arithmetic.exponential(0 - abs(x)))
  }

  /// Uses `erfc` of a positive argument on both sides, so small negative tails keep their digits.
  private static func gelu(_ x: Float) -> Float {
    let tail = Arithmetic.complementaryError(abs(x) * 0.707_106_781_186_547_5)
    return 0.5 * x * (x < 0 ? tail : 2 - tail)
  }

  /// `tanh(log(1 + e))` is `n / (n + 2)` with `n = e^2 + 2e`; above 20 that is 1 in a float.
  private static func mish(_ x: Float) -> Float {
    let e = Arithmetic.exponential(Arithmetic.lesser(20, x))
    let n = Arithmetic.fused(e, e, e + e)
    return x * (n / (n + 2))
  }
}
