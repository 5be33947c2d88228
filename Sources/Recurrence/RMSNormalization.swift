/// Keras' `RMSNormalization` over the last axis: `x / sqrt(mean(x * x) + epsilon) * scale`.
///
/// The squares are fused into sixteen partial sums.
package struct RMSNormalization: Sendable {
  package let name: String
  /// `[width]`.
  package let scale: [Float]
  package let epsilon: Float

  package init(name: String, scale: [Float], epsilon: Float) {
    self.name = name
    self.scale = scale
    self.epsilon = epsilon
  }

  package var width: Int { scale.count }

  /// One row of `width` values; the rows may not overlap.
  package func step(input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    let square = PartialSums.dot(input, input, count: width) / Float(width)
    let deviation = (square + epsilon).squareRoot()
    for i in 0..<width { output[i] = input[i] / deviation * scale[i] }
  }

  var tensors: [LayerTensor] { [LayerTensor("scale", scale, expected: width)] }

  var options: [LayerOption] {
    [
      .count("width", width),
      LayerOption(
        name: "epsilon", expected: "a finite number above 0", received: "\(epsilon)",
        isSound: epsilon.isFinite && epsilon > 0),
    ]
  }
}
