/// Keras' `GRU`, gate order `z r h`.
///
/// ```
/// z = recurrentActivation(b_z + W_z x + U_z h)      r likewise
/// hh = activation(fma(r, b'_h + U_h h, b_h + W_h x))      resetAfter
/// hh = activation(b_h + W_h x + U_h (r * h))              without
/// h' = fma(z, h - hh, hh)
/// ```
/// That last line is Keras' `z * h + (1 - z) * hh`, and its form is the contract for every kernel.
///
/// `z` and `r` are one chain of fused multiply-adds each: the bias, then `W x` in order, then `U h`
/// in order. With `resetAfter` their bias is input bias + recurrent bias, added once, here; the
/// candidate is two chains, joined by one fused multiply-add with `r`. Without it the candidate is
/// one chain, whose second part runs over the rounded products `r * h`.
package struct GRUCell: Sendable {
  package let name: String
  package let units: Int
  /// `W`, `[input, 3 * units]`, gate order `z r h`.
  package let kernel: Matrix
  /// `U`, `[units, 3 * units]`, gate order `z r h`.
  package let recurrentKernel: Matrix
  /// Gate order `z r h`: `[2, 3 * units]` (input bias, then recurrent bias) with `resetAfter`,
  /// `[1, 3 * units]` without.
  package let bias: Matrix?
  /// For the candidate.
  package let activation: Activation
  /// For the gates `z` and `r`.
  package let recurrentActivation: Activation
  package let resetAfter: Bool
  package let returnSequences: Bool
  /// Whether a masked step answers zeros instead of repeating `h`.
  package let zeroOutputForMask: Bool

  /// `[3 * units]`: the sums for `z` and `r`, the input bias for the candidate.
  private let startingBias: [Float]
  /// `[units]`: the candidate's recurrent bias; used with `resetAfter` only.
  private let startingRecurrentBias: [Float]

  /// Takes the weights in Keras' layout; `Model` checks their shapes.
  package init(
    name: String, units: Int, kernel: Matrix, recurrentKernel: Matrix, bias: Matrix?,
    activation: Activation, recurrentActivation: Activation, resetAfter: Bool,
    returnSequences: Bool, zeroOutputForMask: Bool
  ) {
    self.name = name
    self.units = units
    self.kernel = kernel
    self.recurrentKernel = recurrentKernel
    self.bias = bias
    self.activation = activation
    self.recurrentActivation = recurrentActivation
    self.resetAfter = resetAfter
    self.returnSequences = returnSequences
    self.zeroOutputForMask = zeroOutputForMask

    var inputBias = Bias.start(bias.flatMap { $0.rows > 0 ? $0.row(0) : nil }, width: 3 * units)
    var recurrentBias = Bias.start(nil, width: units)
    // A bias of another shape is refused by `Model`; it only must not trap before that.
    if let bias, resetAfter, bias.rows == 2, bias.columns == 3 * units {
      let second = Bias.start(bias.row(1), width: 3 * units)
      for j in 0..<2 * units { inputBias[j] += second[j] }
      recurrentBias = Array(second[(2 * units)...])
    }
    startingBias = inputBias
    startingRecurrentBias = recurrentBias
  }

  package var inputWidth: Int { kernel.rows }

  /// Floats of scratch memory that `step` needs.
  package var scratchCount: Int { 4 * units }

  /// Advances one stream by one step.
  ///
  /// - Parameters:
  ///   - input: `inputWidth` values.
  ///   - h: `units` values, replaced.
  ///   - output: receives `units` values; may not overlap `h` or `input`.
  ///   - scratch: `scratchCount` floats of any content.
  ///   - gates: receives `z r h`, `3 * units` values; nil for nobody.
  package func step(
    input: UnsafePointer<Float>, h: UnsafeMutablePointer<Float>,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    gates: UnsafeMutablePointer<Float>? = nil
  ) {
    precondition(startingBias.count == 3 * units && kernel.columns == 3 * units)
    precondition(recurrentKernel.rows == units && recurrentKernel.columns == 3 * units)
    let old = UnsafePointer(h)
    let update = scratch
    let reset = scratch + units
    let candidate = scratch + 2 * units
    scratch.update(from: startingBias, count: startingBias.count)
    kernel.addProducts(of: input, to: scratch)
    recurrentKernel.addProducts(
      of: old, inputCount: units, firstRow: 0, columns: 0..<2 * units, to: scratch)
    recurrentActivation.apply(to: update, count: units)
    recurrentActivation.apply(to: reset, count: units)
    // Before `r` may become `r * h`.
    gates?.update(from: scratch, count: 2 * units)

    if resetAfter {
      finishResetAfter(old: old, reset: reset, candidate: candidate, spare: scratch + 3 * units)
    } else {
      finishResetBefore(old: old, reset: reset, candidate: candidate)
    }
    activation.apply(to: candidate, count: units)
    gates.map { $0 + 2 * units }?.update(from: candidate, count: units)
    var j = 0
    while j < units {
      output[j] = Arithmetic.fused(update[j], h[j] - candidate[j], candidate[j])
      j += 1
    }
    h.update(from: output, count: units)
  }

  /// The recurrent chain `b'_h + U_h h`, then `candidate = fma(r, recurrent, candidate)`.
  private func finishResetAfter(
    old: UnsafePointer<Float>, reset: UnsafeMutablePointer<Float>,
    candidate: UnsafeMutablePointer<Float>, spare recurrent: UnsafeMutablePointer<Float>
  ) {
    recurrent.update(from: startingRecurrentBias, count: startingRecurrentBias.count)
    recurrentKernel.addProducts(
      of: old, inputCount: units, firstRow: 0, columns: 2 * units..<3 * units, to: recurrent)
    var j = 0
    while j < units {
      candidate[j].addProduct(reset[j], recurrent[j])
      j += 1
    }
  }

  /// Replaces `r` by `r * h` and continues the candidate's chain with it.
  private func finishResetBefore(
    old: UnsafePointer<Float>, reset: UnsafeMutablePointer<Float>,
    candidate: UnsafeMutablePointer<Float>
  ) {
    var j = 0
    while j < units {
      reset[j] *= old[j]
      j += 1
    }
    recurrentKernel.addProducts(
      of: UnsafePointer(reset), inputCount: units, firstRow: 0, columns: 2 * units..<3 * units,
      to: candidate)
  }

  var tensors: [LayerTensor] {
    var tensors = [
      LayerTensor("kernel", kernel, expected: [kernel.rows, 3 * units]),
      LayerTensor("recurrent_kernel", recurrentKernel, expected: [units, 3 * units]),
    ]
    if let bias {
      tensors.append(LayerTensor("bias", bias, expected: [resetAfter ? 2 : 1, 3 * units]))
    }
    return tensors
  }

  var options: [LayerOption] { [.count("units", units), .count("input", inputWidth)] }
}
