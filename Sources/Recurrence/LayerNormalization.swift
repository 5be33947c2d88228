/// Keras' `LayerNormalization` over the last axis.
///
/// `mean = sum(x) / n`; `d = x - mean`; `variance = sum(d * d) / n`;
/// `y = fma(d / sqrt(variance + epsilon), gamma, beta)`. Both sums are sixteen partial sums; the
/// squares are fused into theirs.
package struct LayerNormalization: Sendable {
  package let name: String
  package let width: Int
  /// `[width]`; nil is Keras' `scale=False`.
  package let gamma: [Float]?
  /// `[width]`; nil is Keras' `center=False`.
  package let beta: [Float]?
  package let epsilon: Float

  let scale: [Float]
  let offset: [Float]

  /// Takes the weights as Keras has them; `Model` checks their shapes.
  package init(name: String, width: Int, gamma: [Float]?, beta: [Float]?, epsilon: Float) {
    self.name = name
    self.width = width
    self.gamma = gamma
    self.beta = beta
    self.epsilon = epsilon
    scale = gamma ?? [Float](repeating: 1, count: max(width, 0))
    offset = Bias.start(beta, width: width)
  }

  /// One row of `width` values; the rows may not overlap.
  package func step(input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    precondition(scale.count == width && offset.count == width)
    let mean = PartialSums.sum(input, count: width) / Float(width)
    for i in 0..<width { output[i] = input[i] - mean }
    let deviations = UnsafePointer(output)
    let variance = PartialSums.dot(deviations, deviations, count: width) / Float(width)
    let deviation = (variance + epsilon).squareRoot()
    for i in 0..<width {
      output[i] = Arithmetic.fused(output[i] / deviation, scale[i], offset[i])
    }
  }

  var tensors: [LayerTensor] {
    var tensors: [LayerTensor] = []
    if let gamma { tensors.append(LayerTensor("gamma", gamma, expected: width)) }
    if let beta { tensors.append(LayerTensor("beta", beta, expected: width)) }
    return tensors
  }

  /// With epsilon 0 a row of equal values would divide 0 by 0.
  var options: [LayerOption] {
    [
      .width("width", width),
      LayerOption(
        name: "epsilon", expected: "a finite number above 0", received: "\(epsilon)",
        isSound: epsilon.isFinite && epsilon > 0),
    ]
  }
}
