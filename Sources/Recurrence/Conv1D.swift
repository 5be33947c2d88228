/// Keras' `Conv1D` with `padding="causal"`, stride 1 and one group.
///
/// `y_t = activation(b + sum over taps j of W_j x[t - (kernelSize - 1 - j) * dilation])`; inputs
/// from before the start are zeros. Each output is one chain of fused multiply-adds: the bias, then
/// the taps from the oldest to the newest, the channels of each in order. The past inputs it needs
/// are `(kernelSize - 1) * dilation` rows of state.
package struct Conv1D: Sendable {
  package let name: String
  package let kernelSize: Int
  package let dilation: Int
  /// Keras' `[kernelSize, input, filters]` as `[kernelSize * input, filters]`; tap 0 is the oldest.
  package let kernel: Matrix
  /// `[filters]`.
  package let bias: [Float]?
  package let activation: Activation

  private let startingBias: [Float]

  /// Takes the weights in Keras' layout; `Model` checks their shapes.
  package init(
    name: String, kernelSize: Int, dilation: Int, kernel: Matrix, bias: [Float]?,
    activation: Activation
  ) {
    self.name = name
    self.kernelSize = kernelSize
    self.dilation = dilation
    self.kernel = kernel
    self.bias = bias
    self.activation = activation
    startingBias = Bias.start(bias, width: kernel.columns)
  }

  package var inputWidth: Int { kernelSize > 0 ? kernel.rows / kernelSize : 0 }
  package var filters: Int { kernel.columns }

  /// How many past inputs are kept.
  package var pastCount: Int { (kernelSize - 1) * dilation }

  /// As `pastCount`, for options that have not been checked.
  private var reach: Int {
    let (past, overflow) = (kernelSize - 1).multipliedReportingOverflow(by: dilation)
    return overflow ? .max : past
  }

  /// One step of one stream.
  ///
  /// - Parameters:
  ///   - input: `inputWidth` values.
  ///   - past: `pastCount` rows, the oldest first; the oldest leaves, `input` becomes the newest.
  ///   - pastStride: floats from one past row to the next.
  ///   - output: receives `filters` values; may not overlap `input` or `past`.
  package func step(
    input: UnsafePointer<Float>, past: UnsafeMutablePointer<Float>, pastStride: Int,
    output: UnsafeMutablePointer<Float>
  ) {
    precondition(startingBias.count == filters && kernel.rows == kernelSize * inputWidth)
    output.update(from: startingBias, count: startingBias.count)
    for tap in 0..<kernelSize {
      let isNewest = tap == kernelSize - 1
      let row = isNewest ? input : UnsafePointer(past + tap * dilation * pastStride)
      kernel.addProducts(
        of: row, inputCount: inputWidth, firstRow: tap * inputWidth, columns: 0..<filters,
        to: output)
    }
    activation.apply(to: output, count: filters)
    guard pastCount > 0 else { return }
    past.update(from: past + pastStride, count: (pastCount - 1) * pastStride)
    (past + (pastCount - 1) * pastStride).update(from: input, count: inputWidth)
  }

  var tensors: [LayerTensor] {
    var tensors = [
      LayerTensor(
        "kernel", shape: [kernel.rows, filters], values: kernel.values,
        expected: [kernelSize * inputWidth, filters])
    ]
    if let bias { tensors.append(LayerTensor("bias", bias, expected: filters)) }
    return tensors
  }

  var options: [LayerOption] {
    [
      .steps("kernel_size", kernelSize), .steps("dilation_rate", dilation),
      .count("input", inputWidth), .count("filters", filters), .steps("past steps", max(1, reach)),
    ]
  }
}
