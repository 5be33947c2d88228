import Recurrence

// Products, sums, activations and norms of rows.
extension ONNXGraph {
  // MARK: Products with matrices

  mutating func matMul(_ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    let weights = try requiredWeights(1, of: node, rank: 2)
    let kernel = Matrix(
      rows: weights.sizes[0], columns: weights.sizes[1], values: weights.values)
    set(.rows(try dense(kernel, nil, rows, node)), of: node)
  }

  mutating func gemm(_ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    try node.require("transA", is: 0)
    for key in ["alpha", "beta"] {
      let factor = try node.float(key, default: 1)
      guard factor == 1 else { throw node.unsupported(key, "is \(factor), expected 1") }
    }
    let weights = try requiredWeights(1, of: node, rank: 2)
    let matrix = Matrix(
      rows: weights.sizes[0], columns: weights.sizes[1], values: weights.values)
    let kernel = try node.integer("transB", default: 0) == 0 ? matrix : matrix.transposed
    var bias: [Float]?
    if let constant = try constant(2, of: node) {
      guard let values = perUnit(constant, axes: [.one, .units(kernel.columns)], kernel.columns)
      else { throw node.unsupported("C", "has the shape \(constant.shape), expected one a unit") }
      bias = values
    }
    set(.rows(try dense(kernel, bias, rows, node)), of: node)
  }

  private mutating func dense(
    _ kernel: Matrix, _ bias: [Float]?, _ rows: ONNXRows, _ node: ONNXNode
  ) throws(ModelFileError) -> ONNXRows {
    guard rows.unitsAreLast, !rows.isTokens else {
      throw node.unsupported(nil, "its input's last axis is not that of a row's values")
    }
    guard kernel.rows == rows.width else {
      throw node.unsupported(
        nil, "has weights for \(kernel.rows) values a row, received \(rows.width)")
    }
    var result = rows
    if rows.unitsAxis == nil { result.axes[result.axes.count - 1] = .units(1) }
    return add(
      .dense(Dense(name: node.name, kernel: kernel, bias: bias, activation: .linear)), to: result)
  }

  // MARK: Sums and products

  /// `Add`, `Sub`, `Mul`, `Div`, `Max`, `Min` of rows with constants, or of rows with rows.
  mutating func binary(_ node: ONNXNode) throws(ModelFileError) {
    guard node.inputs.count == 2 else {
      throw node.unsupported(nil, "has \(node.inputs.count) inputs, expected two")
    }
    switch (try input(0, of: node), try input(1, of: node)) {
    case (.rows, .rows): try binary(try rows(0, of: node), try rows(1, of: node), node)
    case (.rows, .constant(let constant)):
      try binary(try rows(0, of: node), constant, isFirst: true, node)
    case (.constant(let constant), .rows):
      try binary(try rows(1, of: node), constant, isFirst: false, node)
    case (.carriedState(let name), _), (_, .carriedState(let name)): throw otherInput(name, node)
    default: throw node.unsupported(nil, "of such inputs is not supported")
    }
  }

  private mutating func binary(
    _ rows: ONNXRows, _ constant: ONNXConstant, isFirst: Bool, _ node: ONNXNode
  ) throws(ModelFileError) {
    guard !rows.isTokens else { throw node.unsupported(nil, "of token ids is not supported") }
    guard let values = perUnit(constant, axes: rows.axes, rows.width) else {
      throw node.unsupported(
        nil, "with a constant of the shape \(constant.shape), expected one for each value of a row")
    }
    if node.kind == "Add", let biased = withBias(values, rows) {
      set(.rows(biased), of: node)
      return
    }
    let scale: [Float]
    let offset: [Float]
    let zeros = [Float](repeating: 0, count: rows.width)
    let ones = zeros.map { _ in Float(1) }
    switch (node.kind, isFirst) {
    case ("Add", _): (scale, offset) = (ones, values)
    case ("Sub", true): (scale, offset) = (ones, values.map { 0 - $0 })
    case ("Sub", false): (scale, offset) = (ones.map { -$0 }, values)
    case ("Mul", _): (scale, offset) = (values, zeros)
    case ("Div", true):
      guard !values.contains(0) else { throw node.unsupported(nil, "divides by 0") }
      (scale, offset) = (values.map { 1 / $0 }, zeros)
    default:
      throw node.unsupported(nil, "of a constant and rows, in this order, is not supported")
    }
    set(
      .rows(add(.scaling(Scaling(name: node.name, scale: scale, offset: offset)), to: rows)),
      of: node)
  }

  /// A constant as one value for each value of a row; nil if it differs from step to step.
  func perUnit(
    _ constant: ONNXConstant, axes: [ONNXRows.Axis], _ width: Int
  ) -> [Float]? {
    guard let values = constant.floats, let sizes = constant.sizes, sizes.count <= axes.count else {
      return nil
    }
    if values.count == 1 { return [Float](repeating: values[0], count: width) }
    for (axis, size) in zip(axes.suffix(sizes.count), sizes) where size != 1 {
      guard axis == .units(size), size == width else { return nil }
    }
    return values.count == width ? values : nil
  }

  /// The product before a sum takes the sum as its bias: the chain starts from it, as everywhere.
  private mutating func withBias(_ bias: [Float], _ rows: ONNXRows) -> ONNXRows? {
    guard let input = layers.input(of: rows.value) else { return nil }
    let layer: Layer
    switch layers.layer(of: rows.value) {
    case .dense(let dense) where dense.bias == nil && dense.activation == .linear:
      layer = .dense(
        Dense(name: dense.name, kernel: dense.kernel, bias: bias, activation: .linear))
    case .conv1D(let conv) where conv.bias == nil && conv.activation == .linear:
      layer = .conv1D(
        Conv1D(
          name: conv.name, kernelSize: conv.kernelSize, dilation: conv.dilation,
          kernel: conv.kernel, bias: bias, activation: .linear))
    default: return nil
    }
    return rows.with(layers.add(layer, to: input))
  }

  private mutating func binary(
    _ a: ONNXRows, _ b: ONNXRows, _ node: ONNXNode
  ) throws(ModelFileError) {
    // x * sigmoid(x) and its like are activations that older versions have no operator for.
    if node.kind == "Mul", let gated = gated(a, b) ?? gated(b, a) {
      set(.rows(gated), of: node)
      return
    }
    func essential(_ rows: ONNXRows) -> [ONNXRows.Axis] {
      rows.axes.filter { $0 != .one && $0 != .batch }
    }
    guard essential(a) == essential(b), a.width == b.width, !a.isTokens, !b.isTokens else {
      throw node.unsupported(nil, "joins rows that are not of the same steps and width")
    }
    let join: Branch.Join
    switch node.kind {
    case "Add": join = .add
    case "Sub": join = .subtract
    case "Mul": join = .multiply
    case "Max": join = .maximum
    case "Min": join = .minimum
    default: throw node.unsupported(nil, "of two tensors of rows is not supported")
    }
    let longer = a.axes.count >= b.axes.count ? a : b
    set(.rows(longer.with(layers.join(join, [a.value, b.value], name: node.name))), of: node)
  }

  private mutating func gated(_ x: ONNXRows, _ gate: ONNXRows) -> ONNXRows? {
    guard case .activation(let layer) = layers.layer(of: gate.value),
      let inner = layers.input(of: gate.value)
    else { return nil }
    let whole: Activation
    switch layer.activation {
    case .sigmoid where inner == x.value: whole = .silu
    case .hardSigmoid where inner == x.value: whole = .hardSilu
    case .tanh:
      guard case .activation(let soft) = layers.layer(of: inner), soft.activation == .softplus,
        layers.input(of: inner) == x.value
      else { return nil }
      whole = .mish
    default: return nil
    }
    return x.with(
      layers.add(.activation(ActivationLayer(name: layer.name, activation: whole)), to: x.value))
  }

  /// `Concat` of rows along their values, or of constants elsewhere.
  mutating func concatenate(_ node: ONNXNode) throws(ModelFileError) {
    var parts: [ONNXRows] = []
    for index in node.inputs.indices { parts.append(try rows(index, of: node)) }
    guard var result = parts.first, let place = result.unitsAxis else {
      throw node.unsupported(nil, "joins rows that have no axis of values")
    }
    guard try axis(try node.integer("axis", default: 0), rank: result.axes.count, of: node) == place
    else { throw node.unsupported("axis", "is not that of a row's values: not streamable") }
    for part in parts.dropFirst() {
      guard part.unitsAxis == place, part.axes.count == result.axes.count,
        part.hasSteps == result.hasSteps
      else { throw node.unsupported(nil, "joins rows that are not of the same steps") }
    }
    result = result.with(
      layers.join(.concatenate, parts.map(\.value), name: node.name),
      width: parts.reduce(0) { $0 + $1.width })
    set(.rows(result), of: node)
  }

  // MARK: Activations and norms

  mutating func activate(_ activation: Activation, _ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    guard !rows.isTokens else { throw node.unsupported(nil, "of token ids is not supported") }
    set(
      .rows(
        add(.activation(ActivationLayer(name: node.name, activation: activation)), to: rows)),
      of: node)
  }

  /// `Softmax` and `LogSoftmax`, over whatever is from the axis on before version 13.
  mutating func softmax(_ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    let axis = try axis(
      try node.integer("axis", default: version >= 13 ? -1 : 1), rank: rows.axes.count, of: node)
    let covered = version >= 13 ? [rows.axes[axis]] : Array(rows.axes[axis...])
    guard let place = rows.unitsAxis, covered.contains(rows.axes[place]),
      covered.allSatisfy({ $0 == rows.axes[place] || $0 == .one })
    else {
      throw node.unsupported("axis", "is \(axis), which is not that of a row's values")
    }
    try activate(node.kind == "Softmax" ? .softmax : .logSoftmax, node)
  }

  mutating func batchNormalization(_ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    node.ignore("momentum", "spatial")
    try node.require("training_mode", is: 0)
    guard rows.axes.count >= 2, rows.unitsAxis == 1 else {
      throw node.unsupported(nil, "its axis 1 is not that of a row's values")
    }
    var weights: [[Float]] = []
    for index in 1...4 {
      let values = try requiredWeights(index, of: node, rank: 1).values
      guard values.count == rows.width else {
        throw node.unsupported(
          nil, "its input \(index) has \(values.count) values, expected \(rows.width)")
      }
      weights.append(values)
    }
    let layer = BatchNormalization(
      name: node.name, gamma: weights[0], beta: weights[1], movingMean: weights[2],
      movingVariance: weights[3], epsilon: try node.float("epsilon", default: 1e-5))
    set(.rows(add(.batchNormalization(layer), to: rows)), of: node)
  }

  /// `LayerNormalization` and `RMSNormalization` over the values of a row.
  mutating func normalize(_ node: ONNXNode) throws(ModelFileError) {
    let rows = try rows(0, of: node)
    node.ignore("stash_type")
    let axis = try axis(
      try node.integer("axis", default: -1), rank: rows.axes.count, of: node)
    guard let place = rows.unitsAxis,
      rows.axes[axis...].allSatisfy({ $0 == rows.axes[place] || $0 == .one }), axis <= place
    else { throw node.unsupported("axis", "is \(axis), expected that of a row's values alone") }
    let gamma = try requiredWeights(1, of: node, rank: 1).values
    let beta = try weights(2, of: node, rank: 1)?.values
    guard gamma.count == rows.width, beta?.count ?? rows.width == rows.width else {
      throw node.unsupported(nil, "has \(gamma.count) weights, expected \(rows.width)")
    }
    let epsilon = try node.float("epsilon", default: 1e-5)
    let layer: Layer
    if node.kind == "LayerNormalization" {
      layer = .layerNormalization(
        LayerNormalization(
          name: node.name, width: rows.width, gamma: gamma, beta: beta, epsilon: epsilon))
    } else {
      layer = .rmsNormalization(
        RMSNormalization(name: node.name, scale: gamma, epsilon: epsilon))
    }
    set(.rows(add(layer, to: rows)), of: node)
  }
}
