/// Keras' `Dense` on each step: `activation(b + W x)`.
///
/// Each output is one chain of fused multiply-adds: the bias, then `W x` in order.
package struct Dense: Sendable {
  package let name: String
  /// `W`, `[input, units]`.
  package let kernel: Matrix
  /// `b`, `[units]`.
  package let bias: [Float]?
  package let activation: Activation

  private let startingBias: [Float]

  /// Takes the weights in Keras' layout; `Model` checks their shapes.
  package init(name: String, kernel: Matrix, bias: [Float]?, activation: Activation) {
    self.name = name
    self.kernel = kernel
    self.bias = bias
    self.activation = activation
    startingBias = Bias.start(bias, width: kernel.columns)
  }

  package var inputWidth: Int { kernel.rows }
  package var units: Int { kernel.columns }

  /// One row: `inputWidth` values in, `units` values out; the rows may not overlap.
  package func step(input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    precondition(startingBias.count == units)
    output.update(from: startingBias, count: startingBias.count)
    kernel.addProducts(of: input, to: output)
    activation.apply(to: output, count: units)
  }

  var tensors: [LayerTensor] {
    var tensors = [LayerTensor("kernel", kernel, expected: [kernel.rows, kernel.columns])]
    if let bias { tensors.append(LayerTensor("bias", bias, expected: units)) }
    return tensors
  }

  var options: [LayerOption] { [.count("input", inputWidth), .count("units", units)] }
}
