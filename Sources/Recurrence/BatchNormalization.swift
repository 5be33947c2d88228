/// Keras' `BatchNormalization` on the last axis, with its moving statistics.
///
/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, folded once for each channel into
/// `scale = gamma / sqrt(variance + epsilon)` and `offset = fma(-mean, scale, beta)`, so that a step
/// is `fma(x, scale, offset)`.
package struct BatchNormalization: Sendable {
  package let name: String
  /// `[channels]`; nil is Keras' `scale=False`.
  package let gamma: [Float]?
  /// `[channels]`; nil is Keras' `center=False`.
  package let beta: [Float]?
  package let movingMean: [Float]
  package let movingVariance: [Float]
  package let epsilon: Float

  let scale: [Float]
  let offset: [Float]

  /// Takes the weights as Keras has them; `Model` checks their shapes.
  package init(
    name: String, gamma: [Float]?, beta: [Float]?, movingMean: [Float], movingVariance: [Float],
    epsilon: Float
  ) {
    self.name = name
    self.gamma = gamma
    self.beta = beta
    self.movingMean = movingMean
    self.movingVariance = movingVariance
    self.epsilon = epsilon
    let gammas = gamma ?? [Float](repeating: 1, count: movingMean.count)
    let betas = Bias.start(beta, width: movingMean.count)
    // zip stops at the shortest: unequal lengths are refused by `Model` before a step.
    scale = zip(gammas, movingVariance).map { $0 / ($1 + epsilon).squareRoot() }
    offset = zip(zip(movingMean, scale), betas).map { Arithmetic.fused(-$0.0, $0.1, $1) }
  }

  package var width: Int { movingMean.count }

  /// One row of `width` values.
  package func step(input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    precondition(scale.count == width && offset.count == width)
    for i in 0..<width { output[i] = Arithmetic.fused(input[i], scale[i], offset[i]) }
  }

  var tensors: [LayerTensor] {
    var tensors: [LayerTensor] = []
    if let gamma { tensors.append(LayerTensor("gamma", gamma, expected: width)) }
    if let beta { tensors.append(LayerTensor("beta", beta, expected: width)) }
    tensors.append(LayerTensor("moving_mean", movingMean, expected: width))
    tensors.append(LayerTensor("moving_variance", movingVariance, expected: width))
    return tensors
  }

  var options: [LayerOption] {
    let least = movingVariance.min() ?? 0
    return [
      .epsilon(epsilon),
      LayerOption(
        name: "moving_variance + epsilon", expected: "above 0", received: "\(least + epsilon)",
        isSound: !(least + epsilon <= 0)),
    ]
  }
}
