/// An activation function, with its Keras name and definition.
///
/// Every one is built from the fixed sequences of `Arithmetic`, so its bits are the same everywhere;
/// none calls the platform's mathematics library. `softmax` and `logSoftmax` work on a whole row of
/// units, all others on each unit alone. Source: `keras.activations`, Keras 3.
package enum Activation: Sendable, Equatable, Codable {
  case linear
  case tanh
  case sigmoid
  /// Keras 3: `relu6(x + 3) / 6`.
  case hardSigmoid
  /// Keras 1 and 2, and ONNX's default: `clip(0.2 x + 0.5, 0, 1)`.
  case hardSigmoidKeras2
  case relu
  /// Keras `relu` and `ReLU` with options; `maxValue` nil means no upper limit.
  case limitedRelu(maxValue: Float?, negativeSlope: Float, threshold: Float)
  case relu6
  /// `x` above 0, else `negativeSlope * x`.
  case leakyRelu(negativeSlope: Float)
  /// `x` above 0, else `alpha * (exp(x) - 1)`.
  case elu(alpha: Float)
  case selu
  /// `x` above 0, else `alpha * (exp(x / alpha) - 1)`.
  case celu(alpha: Float)
  /// `log(1 + exp(x))`.
  case softplus
  /// `x / (1 + |x|)`.
  case softsign
  /// `exp(x)`, held at about 2.4e38 above 88.37 where Keras goes to infinity.
  case exponential
  /// `x / 2 * erfc(-x / sqrt 2)`.
  case gelu
  /// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
  case geluApproximate
  /// `x * sigmoid(x)`; Keras also calls it swish.
  case silu
  /// `x * hardSigmoid(x)`; Keras also calls it hard_swish.
  case hardSilu
  /// `x * tanh(softplus(x))`.
  case mish
  /// `x` limited to ±1.
  case hardTanh
  /// `x - tanh(x)`.
  case tanhShrink
  case softShrink(threshold: Float)
  case hardShrink(threshold: Float)
  /// `x` above the threshold, else `value`.
  case threshold(threshold: Float, value: Float)
  /// `(x + sqrt(x^2 + b)) / 2`.
  case squareplus(b: Float)
  /// `scale * x + offset`: ONNX' `Affine`.
  case affine(scale: Float, offset: Float)
  /// `scale * tanh(slope * x)`: ONNX' `ScaledTanh`.
  case scaledTanh(scale: Float, slope: Float)
  /// `clip(slope * x + offset, 0, 1)`: ONNX' `HardSigmoid`.
  case clippedLine(slope: Float, offset: Float)
  case sparsePlus
  case sparseSigmoid
  /// `-softplus(-x)`.
  case logSigmoid
  /// Maximum first, then `exp(x - maximum)`, its sum by sixteen partial sums, then the division.
  case softmax
  /// `(x - maximum) - log(sum of exp(x - maximum))`.
  case logSoftmax

  /// Replaces a row of units by its activations.
  package func apply(to row: UnsafeMutablePointer<Float>, count: Int) {
    switch self {
    case .linear: return
    case .softmax: Self.softmax(row, count: count)
    case .logSoftmax: Self.logSoftmax(row, count: count)
    default:
      var i = 0
      while i < count {
        row[i] = unitValue(row[i])
        i += 1
      }
    }
  }

  /// The activations of a row, as a new array.
  package func callAsFunction(_ row: [Float]) -> [Float] {
    var values = row
    values.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      apply(to: start, count: buffer.count)
    }
    return values
  }

  /// `exp(x - maximum)` in place of each `x`; their sum and the maximum.
  private static func exponentials(
    _ row: UnsafeMutablePointer<Float>, count: Int
  ) -> (sum: Float, maximum: Float) {
    var maximum = -Float.infinity
    var i = 0
    while i < count {
      maximum = Arithmetic.greater(maximum, row[i])
      i += 1
    }
    i = 0
    while i < count {
      row[i] = Arithmetic.exponential(row[i] - maximum)
      i += 1
    }
    return (PartialSums.sum(row, count: count), maximum)
  }

  private static func softmax(_ row: UnsafeMutablePointer<Float>, count: Int) {
    let sum = exponentials(row, count: count).sum
    var i = 0
    while i < count {
      row[i] = row[i] / sum
      i += 1
    }
  }

  private static func logSoftmax(_ row: UnsafeMutablePointer<Float>, count: Int) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { powers in
      guard let start = powers.baseAddress else { return }
      start.update(from: row, count: count)
      let (sum, maximum) = exponentials(start, count: count)
      let logarithm = Arithmetic.logarithm(sum)
      var i = 0
      while i < count {
        row[i] = (row[i] - maximum) - logarithm
        i += 1
      }
    }
  }
}
