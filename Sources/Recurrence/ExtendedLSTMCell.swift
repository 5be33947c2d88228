/// An LSTM with what Keras' has not: peepholes, a projection of h, an activation of its own for `c'`.
///
/// ```
/// i = recurrentActivation(b_i + W_i x + U_i h + p_i * c)      f likewise
/// g = activation(b_c + W_c x + U_c h)
/// c' = fma(f, c, i * g)
/// o = recurrentActivation(b_o + W_o x + U_o h + p_o * c')
/// h' = W_p (o * cellActivation(c'))
/// ```
/// Gate order `i f c o`. The pre-activation of each gate's unit is one chain of fused multiply-adds:
/// the bias, then `W x` in order, then `U h` in order, then the peephole; each projected value is
/// one chain from 0. Without a projection `h'` is `o * cellActivation(c')`. Sources: PyTorch's
/// `nn.LSTM` with `proj_size`; ONNX' `LSTM`.
package struct ExtendedLSTMCell: Sendable {
  package let name: String
  /// Values of `c`.
  package let units: Int
  /// `W`, `[input, 4 * units]`, gate order `i f c o`.
  package let kernel: Matrix
  /// `U`, `[outputWidth, 4 * units]`, gate order `i f c o`.
  package let recurrentKernel: Matrix
  /// `b`, `[4 * units]`, gate order `i f c o`.
  package let bias: [Float]?
  /// `p`, `[3 * units]`, gate order `i f o`.
  package let peepholes: [Float]?
  /// `W_p`, `[units, outputWidth]`.
  package let projection: Matrix?
  /// For the candidate.
  package let activation: Activation
  /// For `c'`.
  package let cellActivation: Activation
  /// For the gates `i`, `f` and `o`.
  package let recurrentActivation: Activation
  package let returnSequences: Bool

  private let startingBias: [Float]

  /// Takes the weights; `Model` checks their shapes.
  package init(
    name: String, units: Int, kernel: Matrix, recurrentKernel: Matrix, bias: [Float]?,
    peepholes: [Float]?, projection: Matrix?, activation: Activation, cellActivation: Activation,
    recurrentActivation: Activation, returnSequences: Bool
  ) {
    self.name = name
    self.units = units
    self.kernel = kernel
    self.recurrentKernel = recurrentKernel
    self.bias = bias
    self.peepholes = peepholes
    self.projection = projection
    self.activation = activation
    self.cellActivation = cellActivation
    self.recurrentActivation = recurrentActivation
    self.returnSequences = returnSequences
    startingBias = Bias.start(bias, width: 4 * units)
  }

  package var inputWidth: Int { kernel.rows }
  /// Values of h.
  package var outputWidth: Int { projection?.columns ?? units }

  /// Floats of scratch memory that `step` needs.
  package var scratchCount: Int { 4 * units }

  /// Advances one stream by one step.
  ///
  /// - Parameters:
  ///   - input: `inputWidth` values.
  ///   - h: `outputWidth` values, replaced.
  ///   - c: `units` values, replaced.
  ///   - output: receives `outputWidth` values; may not overlap `h`, `c` or `input`.
  ///   - scratch: `scratchCount` floats of any content.
  ///   - gates: receives `i f g o`, `4 * units` values; nil for nobody.
  package func step(
    input: UnsafePointer<Float>, h: UnsafeMutablePointer<Float>, c: UnsafeMutablePointer<Float>,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    gates: UnsafeMutablePointer<Float>? = nil
  ) {
    precondition(startingBias.count == 4 * units && kernel.columns == 4 * units)
    precondition(recurrentKernel.rows == outputWidth && recurrentKernel.columns == 4 * units)
    scratch.update(from: startingBias, count: startingBias.count)
    kernel.addProducts(of: input, to: scratch)
    recurrentKernel.addProducts(of: UnsafePointer(h), to: scratch)

    let inputGate = scratch
    let forgetGate = scratch + units
    let candidate = scratch + 2 * units
    let outputGate = scratch + 3 * units
    addPeephole(0, of: c, to: inputGate)
    addPeephole(1, of: c, to: forgetGate)
    recurrentActivation.apply(to: inputGate, count: units)
    recurrentActivation.apply(to: forgetGate, count: units)
    activation.apply(to: candidate, count: units)
    var j = 0
    while j < units {
      c[j] = Arithmetic.fused(forgetGate[j], c[j], inputGate[j] * candidate[j])
      j += 1
    }
    addPeephole(2, of: c, to: outputGate)
    recurrentActivation.apply(to: outputGate, count: units)
    gates?.update(from: scratch, count: 4 * units)
    // The candidate is used up: its place holds cellActivation(c'), then the unprojected h'.
    candidate.update(from: c, count: units)
    cellActivation.apply(to: candidate, count: units)
    j = 0
    while j < units {
      candidate[j] = outputGate[j] * candidate[j]
      j += 1
    }
    if let projection {
      output.update(repeating: 0, count: outputWidth)
      projection.addProducts(of: UnsafePointer(candidate), to: output)
    } else {
      output.update(from: candidate, count: units)
    }
    h.update(from: output, count: outputWidth)
  }

  /// Ends the chains of one gate with `p * c`.
  private func addPeephole(
    _ gate: Int, of c: UnsafeMutablePointer<Float>, to sums: UnsafeMutablePointer<Float>
  ) {
    guard let peepholes else { return }
    for j in 0..<units { sums[j].addProduct(peepholes[gate * units + j], c[j]) }
  }

  var tensors: [LayerTensor] {
    var tensors = [
      LayerTensor("kernel", kernel, expected: [kernel.rows, 4 * units]),
      LayerTensor("recurrent_kernel", recurrentKernel, expected: [outputWidth, 4 * units]),
    ]
    if let bias { tensors.append(LayerTensor("bias", bias, expected: 4 * units)) }
    if let peepholes { tensors.append(LayerTensor("peepholes", peepholes, expected: 3 * units)) }
    if let projection {
      tensors.append(LayerTensor("projection", projection, expected: [units, projection.columns]))
    }
    return tensors
  }

  var options: [LayerOption] {
    [.count("units", units), .count("input", inputWidth), .count("output", outputWidth)]
  }
}
