import Recurrence

/// Reads one layer of `nn.RNN`, `nn.GRU`, `nn.LSTM`, or one Cell module.
///
/// PyTorch's gate orders are `i f g o` for LSTM, which is Keras' `i f c o`, and `r z n` for GRU,
/// where Keras has `z r h`; its GRU resets after the product. Of its two biases all sums but GRU's
/// candidate take the sum, added once here.
struct TorchCellReader {
  let options: TorchOptions
  let weights: TorchWeights
  /// Values that come in, where known.
  let input: Int?
  /// `_l0`, or nothing for a Cell.
  let suffix: String
  let name: String

  private struct Weights {
    var units: Int
    /// `[input, gates * units]`.
    var kernel: Matrix
    /// `[output, gates * units]`.
    var recurrentKernel: Matrix
    /// The input's and the recurrent bias, `[gates * units]`.
    var biases: (input: [Float], recurrent: [Float])?
  }

  func layer(isFirst: Bool) throws(ModelFileError) -> Layer {
    let layer: Layer
    switch options.kind.prefix(3) {
    case "rnn": layer = try simpleRNN()
    case "gru": layer = try gru()
    default: layer = try lstm()
    }
    if let said = try options.size("input"), isFirst, said != layer.inputWidth {
      throw options.unsupported(
        "input", "is \(said), but the weights are for \(layer.inputWidth ?? 0)")
    }
    return layer
  }

  private func weight(_ name: String) -> String {
    options.prefix.map { "\($0).\(name)\(suffix)" } ?? "\(name)\(suffix)"
  }

  /// Reads the weights of a layer with so many gates; `projection` is the width of a projected h.
  private func read(gates: Int, projection: Int? = nil) throws(ModelFileError) -> Weights {
    let kernel = try weights.transposed(weight("weight_ih"), rows: nil, columns: input)
    let units = kernel.columns / gates
    let said = try options.size("hidden")
    guard kernel.columns == gates * units, said == nil || said == units else {
      throw options.unsupported(
        "hidden",
        "is \(said ?? 0), but \(weight("weight_ih")) has \(kernel.columns) rows, "
          + "expected \(gates) times the units")
    }
    let recurrentKernel = try weights.transposed(
      weight("weight_hh"), rows: gates * units, columns: projection ?? units)
    let isThere = weights.contains(weight("bias_ih"))
    let hasBias = try options.flag("bias", default: isThere)
    guard hasBias || !isThere else {
      throw options.unsupported("bias", "is false, but there is \(weight("bias_ih"))")
    }
    return Weights(
      units: units, kernel: kernel, recurrentKernel: recurrentKernel,
      biases: hasBias
        ? (
          try weights.vector(weight("bias_ih"), count: gates * units),
          try weights.vector(weight("bias_hh"), count: gates * units)
        ) : nil)
  }

  private func sum(_ biases: (input: [Float], recurrent: [Float])?) -> [Float]? {
    biases.map { zip($0.input, $0.recurrent).map { $0 + $1 } }
  }

  private func simpleRNN() throws(ModelFileError) -> Layer {
    let read = try read(gates: 1)
    let nonlinearity = try options.text("nonlinearity", default: "tanh")
    let activation: Activation
    switch nonlinearity {
    case "tanh": activation = .tanh
    case "relu": activation = .relu
    default:
      throw options.unsupported("nonlinearity", "is \"\(nonlinearity)\", expected tanh or relu")
    }
    return .simpleRNN(
      SimpleRNNCell(
        name: name, units: read.units, kernel: read.kernel, recurrentKernel: read.recurrentKernel,
        bias: sum(read.biases), activation: activation, returnSequences: true,
        zeroOutputForMask: false))
  }

  private func gru() throws(ModelFileError) -> Layer {
    let read = try read(gates: 3)
    let order = [1, 0, 2]
    let bias = read.biases.map {
      Matrix(
        rows: 2, columns: 3 * read.units,
        values: $0.input.withGates(order) + $0.recurrent.withGates(order))
    }
    return .gru(
      GRUCell(
        name: name, units: read.units, kernel: read.kernel.withGates(order),
        recurrentKernel: read.recurrentKernel.withGates(order), bias: bias, activation: .tanh,
        recurrentActivation: .sigmoid, resetAfter: true, returnSequences: true,
        zeroOutputForMask: false))
  }

  private func lstm() throws(ModelFileError) -> Layer {
    let said = try options.size("proj_size", least: 0) ?? 0
    let hasProjection = weights.contains(weight("weight_hr"))
    guard said > 0 || hasProjection else {
      let read = try read(gates: 4)
      return .lstm(
        LSTMCell(
          name: name, units: read.units, kernel: read.kernel,
          recurrentKernel: read.recurrentKernel, bias: sum(read.biases), activation: .tanh,
          recurrentActivation: .sigmoid, returnSequences: true, zeroOutputForMask: false))
    }
    let projection = try weights.transposed(
      weight("weight_hr"), rows: said > 0 ? said : nil, columns: nil)
    let read = try read(gates: 4, projection: projection.columns)
    return .extendedLSTM(
      ExtendedLSTMCell(
        name: name, units: read.units, kernel: read.kernel, recurrentKernel: read.recurrentKernel,
        bias: sum(read.biases), peepholes: nil, projection: projection, activation: .tanh,
        cellActivation: .tanh, recurrentActivation: .sigmoid, returnSequences: true))
  }
}
