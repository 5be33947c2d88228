/// Keras' `LSTM`, gate order `i f c o`.
///
/// ```
/// i = recurrentActivation(b_i + W_i x + U_i h)      f, o likewise
/// g = activation(b_c + W_c x + U_c h)
/// c' = fma(f, c, i * g)
/// h' = o * activation(c')
/// ```
/// The pre-activation of each gate's unit is one chain of fused multiply-adds: the bias, then `W x`
/// in order, then `U h` in order.
package struct LSTMCell: Sendable {
  package let name: String
  package let units: Int
  /// `W`, `[input, 4 * units]`, gate order `i f c o`.
  package let kernel: Matrix
  /// `U`, `[units, 4 * units]`, gate order `i f c o`.
  package let recurrentKernel: Matrix
  /// `b`, `[4 * units]`, gate order `i f c o`.
  package let bias: [Float]?
  /// For the candidate and for `c'`.
  package let activation: Activation
  /// For the gates `i`, `f` and `o`.
  package let recurrentActivation: Activation
  package let returnSequences: Bool
  /// Whether a masked step answers zeros instead of repeating `h`.
  package let zeroOutputForMask: Bool

  private let startingBias: [Float]

  /// Takes the weights in Keras' layout; `Model` checks their shapes.
  package init(
    name: String, units: Int, kernel: Matrix, recurrentKernel: Matrix, bias: [Float]?,
    activation: Activation, recurrentActivation: Activation, returnSequences: Bool,
    zeroOutputForMask: Bool
  ) {
    self.name = name
    self.units = units
    self.kernel = kernel
    self.recurrentKernel = recurrentKernel
    self.bias = bias
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.returnSequences = returnSequences
    self.zeroOutputForMask = zeroOutputForMask
    startingBias = Bias.start(bias, width: 4 * units)
  }

  package var inputWidth: Int { kernel.rows }

  /// Floats of scratch memory that `step` needs.
  package var scratchCount: Int { 4 * units }

  /// Advances one stream by one step.
  ///
  /// - Parameters:
  ///   - input: `inputWidth` values.
  ///   - h: `units` values, replaced.
  ///   - c: `units` values, replaced.
  ///   - output: receives `units` values; may not overlap `h`, `c` or `input`.
  ///   - scratch: `scratchCount` floats of any content.
  ///   - gates: receives `i f g o`, `4 * units` values; nil for nobody.
  package func step(
    input: UnsafePointer<Float>, h: UnsafeMutablePointer<Float>, c: UnsafeMutablePointer<Float>,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    gates: UnsafeMutablePointer<Float>? = nil
  ) {
    precondition(startingBias.count == 4 * units && kernel.columns == 4 * units)
    precondition(recurrentKernel.rows == units && recurrentKernel.columns == 4 * units)
    scratch.update(from: startingBias, count: startingBias.count)
    kernel.addProducts(of: input, to: scratch)
    recurrentKernel.addProducts(of: UnsafePointer(h), to: scratch)

    let inputGate = scratch
    let forgetGate = scratch + units
    let candidate = scratch + 2 * units
    let outputGate = scratch + 3 * units
    recurrentActivation.apply(to: inputGate, count: units)
    recurrentActivation.apply(to: forgetGate, count: units)
    activation.apply(to: candidate, count: units)
    recurrentActivation.apply(to: outputGate, count: units)
    gates?.update(from: scratch, count: 4 * units)

    var j = 0
    while j < units {
      c[j] = Arithmetic.fused(forgetGate[j], c[j], inputGate[j] * candidate[j])
      j += 1
    }
    // The candidate is used up: its place holds activation(c').
    candidate.update(from: c, count: units)
    activation.apply(to: candidate, count: units)
    j = 0
    while j < units {
      output[j] = outputGate[j] * candidate[j]
      j += 1
    }
    h.update(from: output, count: units)
  }

  var tensors: [LayerTensor] {
    var tensors = [
      LayerTensor("kernel", kernel, expected: [kernel.rows, 4 * units]),
      LayerTensor("recurrent_kernel", recurrentKernel, expected: [units, 4 * units]),
    ]
    if let bias { tensors.append(LayerTensor("bias", bias, expected: 4 * units)) }
    return tensors
  }

  var options: [LayerOption] { [.count("units", units), .count("input", inputWidth)] }
}
