/// Keras' `SimpleRNN`: `h' = activation(b + W x + U h)`.
///
/// The pre-activation of each unit is one chain of fused multiply-adds: the bias, then `W x` in
/// order, then `U h` in order.
package struct SimpleRNNCell: Sendable {
  package let name: String
  package let units: Int
  /// `W`, `[input, units]`.
  package let kernel: Matrix
  /// `U`, `[units, units]`.
  package let recurrentKernel: Matrix
  /// `b`, `[units]`.
  package let bias: [Float]?
  package let activation: Activation
  package let returnSequences: Bool
  /// Whether a masked step answers zeros instead of repeating `h`.
  package let zeroOutputForMask: Bool

  private let startingBias: [Float]

  /// Takes the weights in Keras' layout; `Model` checks their shapes.
  package init(
    name: String, units: Int, kernel: Matrix, recurrentKernel: Matrix, bias: [Float]?,
    activation: Activation, returnSequences: Bool, zeroOutputForMask: Bool
  ) {
    self.name = name
    self.units = units
    self.kernel = kernel
    self.recurrentKernel = recurrentKernel
    self.bias = bias
    self.activation = activation
    self.returnSequences = returnSequences
    self.zeroOutputForMask = zeroOutputForMask
    startingBias = Bias.start(bias, width: units)
  }

  package var inputWidth: Int { kernel.rows }

  /// Floats of scratch memory that `step` needs.
  package var scratchCount: Int { units }

  /// Advances one stream by one step.
  ///
  /// - Parameters:
  ///   - input: `inputWidth` values.
  ///   - h: `units` values, replaced.
  ///   - output: receives `units` values; may not overlap `h` or `input`.
  ///   - scratch: `scratchCount` floats of any content.
  package func step(
    input: UnsafePointer<Float>, h: UnsafeMutablePointer<Float>,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    precondition(startingBias.count == units && kernel.columns == units)
    precondition(recurrentKernel.rows == units && recurrentKernel.columns == units)
    scratch.update(from: startingBias, count: startingBias.count)
    kernel.addProducts(of: input, to: scratch)
    recurrentKernel.addProducts(of: UnsafePointer(h), to: scratch)
    activation.apply(to: scratch, count: units)
    h.update(from: scratch, count: units)
    output.update(from: scratch, count: units)
  }

  var tensors: [LayerTensor] {
    var tensors = [
      LayerTensor("kernel", kernel, expected: [kernel.rows, units]),
      LayerTensor("recurrent_kernel", recurrentKernel, expected: [units, units]),
    ]
    if let bias { tensors.append(LayerTensor("bias", bias, expected: units)) }
    return tensors
  }

  var options: [LayerOption] { [.count("units", units), .count("input", inputWidth)] }
}
