/// Keras' `Normalization` on the last axis: `(x - mean) / deviation` for each value.
///
/// `deviation` is `max(sqrt(variance), 1e-7)`. Nothing is folded: a mean far from 0 would cancel.
package struct Normalization: Sendable {
  package let name: String
  /// `[width]`.
  package let mean: [Float]
  /// `[width]`.
  package let variance: [Float]

  private let deviation: [Float]

  package init(name: String, mean: [Float], variance: [Float]) {
    self.name = name
    self.mean = mean
    self.variance = variance
    deviation = variance.map { Arithmetic.greater(1e-7, $0.squareRoot()) }
  }

  package var width: Int { mean.count }

  /// One row of `width` values.
  package func step(input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    for i in 0..<width { output[i] = (input[i] - mean[i]) / deviation[i] }
  }

  var tensors: [LayerTensor] {
    [
      LayerTensor("mean", mean, expected: width),
      LayerTensor("variance", variance, expected: width),
    ]
  }

  var options: [LayerOption] {
    let least = variance.min() ?? 0
    return [
      .count("width", width),
      LayerOption(
        name: "variance", expected: "at least 0", received: "\(least)", isSound: !(least < 0)),
    ]
  }
}
