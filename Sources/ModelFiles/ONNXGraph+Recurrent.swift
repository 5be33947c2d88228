import Recurrence

// `RNN`, `GRU` and `LSTM`: weights `[directions, gates * units, ...]`, gate orders LSTM `i o f c`,
// GRU `z r h`; the bias is the input's, then the recurrent one's.
extension ONNXGraph {
  private struct Weights {
    var units: Int
    /// `[input, gates * units]`, in ONNX' gate order.
    var kernel: Matrix
    /// `[units, gates * units]`.
    var recurrentKernel: Matrix
    var biases: (input: [Float], recurrent: [Float])?
  }

  mutating func recurrent(_ node: ONNXNode) throws(ModelFileError) {
    let layout = try node.integer("layout", default: 0)
    guard layout == 0 || layout == 1 else {
      throw node.unsupported("layout", "is \(layout), expected 0 or 1")
    }
    let direction = try node.text("direction", default: "forward")
    guard direction == "forward" else {
      throw node.unsupported(
        "direction", "is \"\(direction)\", which needs the end of the sequence: not streamable")
    }
    guard !node.has("clip") else {
      throw node.unsupported("clip", "is not supported; export without it")
    }
    try checkLengths(node)
    let rows = try rows(0, of: node)
    let layer: Layer
    switch node.kind {
    case "RNN": layer = try simpleRNN(node, rows)
    case "GRU": layer = try gru(node, rows)
    default: layer = try lstm(node, rows)
    }
    try node.refuseUnread()
    // Last, so that what is wrong under any reading of the axes is said first.
    let place = layout == 0 ? (steps: 0, batch: 1) : (steps: 1, batch: 0)
    guard rows.axes.count == 3, rows.unitsAxis == 2 || rows.unitsAxis == nil && rows.width == 1,
      rows.axes[place.batch] == .batch || rows.axes[place.batch] == .one,
      rows.axes[place.steps] == .steps
    else {
      throw node.unsupported(
        "layout",
        "its input's axes are not \(layout == 0 ? "[steps, batch, values]" : "[batch, steps, values]")"
      )
    }
    try finish(node, layer, rows, stepsFirst: layout == 0)
  }

  /// Sequences of their own lengths in one batch; one stream has the length of its steps.
  private func checkLengths(_ node: ONNXNode) throws(ModelFileError) {
    guard let lengths = try input(4, of: node) else { return }
    if case .constant(let constant) = lengths, let list = constant.integers,
      list.allSatisfy({ $0 == .steps || ($0.size != nil && $0.size == stepCount) })
    {
      return
    }
    throw node.unsupported("sequence_lens", "is given; a stream ends where it ends, leave it out")
  }

  private func read(
    _ node: ONNXNode, _ rows: ONNXRows, gates: Int
  ) throws(ModelFileError) -> Weights {
    let w = try requiredWeights(1, of: node, rank: 3)
    let r = try requiredWeights(2, of: node, rank: 3)
    let units = w.sizes[1] / gates
    let said = try node.integer("hidden_size", default: units)
    guard w.sizes[0] == 1, w.sizes[1] == gates * units, units > 0, said == units,
      w.sizes[2] == rows.width
    else {
      throw node.unsupported(
        "W", "has the shape \(w.sizes), expected [1, \(gates * said), \(rows.width)]")
    }
    guard r.sizes == [1, gates * units, units] else {
      throw node.unsupported(
        "R", "has the shape \(r.sizes), expected [1, \(gates * units), \(units)]")
    }
    var biases: (input: [Float], recurrent: [Float])?
    if let b = try weights(3, of: node, rank: 2) {
      guard b.sizes == [1, 2 * gates * units] else {
        throw node.unsupported(
          "B", "has the shape \(b.sizes), expected [1, \(2 * gates * units)]")
      }
      biases = (Array(b.values[..<(gates * units)]), Array(b.values[(gates * units)...]))
    }
    return Weights(
      units: units,
      kernel: Matrix(rows: w.sizes[1], columns: w.sizes[2], values: w.values).transposed,
      recurrentKernel: Matrix(rows: r.sizes[1], columns: r.sizes[2], values: r.values).transposed,
      biases: biases)
  }

  private func sum(_ biases: (input: [Float], recurrent: [Float])?) -> [Float]? {
    biases.map { zip($0.input, $0.recurrent).map { $0 + $1 } }
  }

  // MARK: The three kinds

  private func simpleRNN(_ node: ONNXNode, _ rows: ONNXRows) throws(ModelFileError) -> Layer {
    let read = try read(node, rows, gates: 1)
    let functions = try ONNXActivation.list(of: node, fallback: ["Tanh"])
    return .simpleRNN(
      SimpleRNNCell(
        name: node.name, units: read.units, kernel: read.kernel,
        recurrentKernel: read.recurrentKernel, bias: sum(read.biases), activation: functions[0],
        returnSequences: true, zeroOutputForMask: false))
  }

  private func gru(_ node: ONNXNode, _ rows: ONNXRows) throws(ModelFileError) -> Layer {
    let read = try read(node, rows, gates: 3)
    let functions = try ONNXActivation.list(of: node, fallback: ["Sigmoid", "Tanh"])
    let resetAfter = try node.integer("linear_before_reset", default: 0) != 0
    var bias: Matrix?
    if let biases = read.biases {
      bias =
        resetAfter
        ? Matrix(rows: 2, columns: 3 * read.units, values: biases.input + biases.recurrent)
        : Matrix(rows: 1, columns: 3 * read.units, values: sum(biases) ?? [])
    }
    return .gru(
      GRUCell(
        name: node.name, units: read.units, kernel: read.kernel,
        recurrentKernel: read.recurrentKernel, bias: bias, activation: functions[1],
        recurrentActivation: functions[0], resetAfter: resetAfter, returnSequences: true,
        zeroOutputForMask: false))
  }

  private func lstm(_ node: ONNXNode, _ rows: ONNXRows) throws(ModelFileError) -> Layer {
    let read = try read(node, rows, gates: 4)
    try node.require("input_forget", is: 0)
    let functions = try ONNXActivation.list(of: node, fallback: ["Sigmoid", "Tanh", "Tanh"])
    // i o f c -> i f c o, and of the peepholes i o f -> i f o.
    let order = [0, 2, 3, 1]
    let kernel = read.kernel.withGates(order)
    let recurrentKernel = read.recurrentKernel.withGates(order)
    let bias = sum(read.biases)?.withGates(order)
    var peepholes: [Float]?
    if let p = try weights(7, of: node, rank: 2) {
      guard p.sizes == [1, 3 * read.units] else {
        throw node.unsupported("P", "has the shape \(p.sizes), expected [1, \(3 * read.units)]")
      }
      peepholes = p.values.allSatisfy { $0 == 0 } ? nil : p.values.withGates([0, 2, 1])
    }
    guard peepholes != nil || functions[1] != functions[2] else {
      return .lstm(
        LSTMCell(
          name: node.name, units: read.units, kernel: kernel, recurrentKernel: recurrentKernel,
          bias: bias, activation: functions[1], recurrentActivation: functions[0],
          returnSequences: true, zeroOutputForMask: false))
    }
    return .extendedLSTM(
      ExtendedLSTMCell(
        name: node.name, units: read.units, kernel: kernel, recurrentKernel: recurrentKernel,
        bias: bias, peepholes: peepholes, projection: nil, activation: functions[1],
        cellActivation: functions[2], recurrentActivation: functions[0], returnSequences: true))
  }

  // MARK: States and outputs

  /// A starting state; nil for zeros, which is what a stream starts from.
  private func initialState(
    _ index: Int, _ node: ONNXNode, units: Int
  ) throws(ModelFileError) -> [Float]? {
    switch try input(index, of: node) {
    case nil, .carriedState: return nil
    case .constant(let constant):
      if constant.isZero { return nil }
      guard let values = constant.floats, values.count == units else {
        throw node.unsupported(
          index == 5 ? "initial_h" : "initial_c",
          "has the shape \(constant.shape), expected one for each of \(units) units")
      }
      return values
    default:
      throw node.unsupported(
        index == 5 ? "initial_h" : "initial_c", "depends on the stream's rows: not supported")
    }
  }

  private mutating func finish(
    _ node: ONNXNode, _ layer: Layer, _ rows: ONNXRows, stepsFirst: Bool
  ) throws(ModelFileError) {
    let units = layer.outputWidth ?? 0
    let h = try initialState(5, node, units: units)
    let c = node.kind == "LSTM" ? try initialState(6, node, units: units) : nil
    var value = rows.value
    if h != nil || c != nil {
      let zeros = [Float](repeating: 0, count: units)
      let start = StartingState(
        name: node.name, h: h ?? zeros, c: node.kind == "LSTM" ? c ?? zeros : nil)
      value = layers.add(.startingState(start), to: value)
    }
    value = layers.add(layer, to: value)
    let batch = rows.axes[stepsFirst ? 1 : 0]
    let all = ONNXRows(
      value: value,
      axes: stepsFirst
        ? [.steps, .one, batch, .units(units)] : [batch, .steps, .one, .units(units)],
      width: units)
    set(.rows(all), 0, of: node)
    var last = add(.lastStep(LastStep(name: node.name)), to: all)
    last.axes = stepsFirst ? [.one, batch, .units(units)] : [batch, .one, .units(units)]
    set(.rows(last), 1, of: node)
    set(.refused("an LSTM's c is no answer"), 2, of: node)
  }
}
