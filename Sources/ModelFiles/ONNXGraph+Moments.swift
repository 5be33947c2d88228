import Recurrence

// The equations of a layer normalization, operator by operator.
extension ONNXGraph {
  /// Reads an operator of these equations; false if it is none.
  mutating func readMoment(_ node: ONNXNode) throws(ModelFileError) -> Bool {
    let inputs = node.inputs.map { values[$0] }
    let first = inputs.first ?? nil
    let second = inputs.count > 1 ? inputs[1] : nil
    let result: ONNXMoment
    switch (node.kind, first, second) {
    case ("ReduceMean", .rows(let rows), _), ("GlobalAveragePool", .rows(let rows), _):
      guard try isMeanOfUnits(node, rows) else { return false }
      result = ONNXMoment(kind: .mean, rows: rows)
    case ("ReduceMean", .moment(let moment), _), ("GlobalAveragePool", .moment(let moment), _):
      guard moment.kind == .squared, try isMeanOfUnits(node, moment.rows) else { return false }
      result = moment.with(.variance)
    case ("Neg", .moment(let moment), _) where moment.kind == .mean:
      result = moment.with(.negatedMean)
    case ("Sub", .rows(let rows), .moment(let moment))
    where moment.kind == .mean && moment.rows.value == rows.value:
      result = moment.with(.centered)
    case ("Pow", .moment(let moment), .constant(let power))
    where moment.kind == .centered && power.floats == [2]:
      result = moment.with(.squared)
    case ("Mul", .moment(let a), .moment(let b)):
      guard let product = product(a, b) else { return false }
      result = product
    case ("Add", .moment(let moment), .constant(let constant)),
      ("Add", .constant(let constant), .moment(let moment)):
      guard let sum = sum(moment, constant) else { return false }
      result = sum
    case ("Sqrt", .moment(let moment), _) where moment.kind == .shifted:
      result = moment.with(.deviation)
    case ("Reciprocal", .moment(let moment), _) where moment.kind == .deviation:
      result = moment.with(.scale)
    case ("Mul", .moment(let moment), .constant(let constant)):
      guard moment.kind == .scale, moment.gamma == nil,
        let gamma = perUnit(constant, axes: moment.rows.axes, moment.rows.width)
      else { return false }
      result = moment.with(.scale).with(gamma: gamma)
    case ("Mul", .rows(let rows), .moment(let moment)),
      ("Mul", .moment(let moment), .rows(let rows)):
      guard moment.kind == .scale, moment.rows.value == rows.value else { return false }
      result = moment.with(.scaled)
    default: return try normalize(node, first, second)
    }
    set(.moment(result), of: node)
    return true
  }

  /// Over the values of a row, which must be the last axis, kept as one.
  private func isMeanOfUnits(_ node: ONNXNode, _ rows: ONNXRows) throws(ModelFileError) -> Bool {
    guard rows.unitsAxis == rows.axes.count - 1, !rows.isTokens else { return false }
    guard node.kind == "ReduceMean" else { return rows.axes.count == 3 }
    guard let axes = try integers("axes", or: 1, of: node), axes.count == 1 else { return false }
    node.ignore("noop_with_empty_axes")
    let keeps = try node.integer("keepdims", default: 1) != 0
    return keeps && (axes[0] == -1 || axes[0] == rows.axes.count - 1)
  }

  private func product(_ a: ONNXMoment, _ b: ONNXMoment) -> ONNXMoment? {
    guard a.rows.value == b.rows.value else { return nil }
    switch (a.kind, b.kind) {
    case (.centered, .centered): return a.with(.squared)
    case (.negatedMean, .scale): return b.with(.offset)
    case (.scale, .negatedMean): return a.with(.offset)
    default: return nil
    }
  }

  private func sum(_ moment: ONNXMoment, _ constant: ONNXConstant) -> ONNXMoment? {
    var sum = moment
    switch moment.kind {
    case .variance:
      guard let epsilon = constant.floats, epsilon.count == 1 else { return nil }
      sum.epsilon = epsilon[0]
      return sum.with(.shifted)
    case .offset where moment.beta == nil:
      sum.beta = perUnit(constant, axes: moment.rows.axes, moment.rows.width)
      return sum.beta == nil ? nil : sum
    default: return nil
    }
  }

  /// The last operator, which gives rows.
  private mutating func normalize(
    _ node: ONNXNode, _ first: ONNXValue?, _ second: ONNXValue?
  ) throws(ModelFileError) -> Bool {
    guard case .moment(let a) = first, case .moment(let b) = second, a.rows.value == b.rows.value
    else { return false }
    let whole: ONNXMoment
    switch (node.kind, a.kind, b.kind) {
    case ("Div", .centered, .deviation): whole = b
    case ("Add", .scaled, .offset) where a.gamma == b.gamma && a.epsilon == b.epsilon: whole = b
    case ("Add", .offset, .scaled) where a.gamma == b.gamma && a.epsilon == b.epsilon: whole = a
    default: return false
    }
    let layer = LayerNormalization(
      name: node.name, width: whole.rows.width, gamma: whole.gamma, beta: whole.beta,
      epsilon: whole.epsilon)
    set(.rows(add(.layerNormalization(layer), to: whole.rows)), of: node)
    return true
  }
}

extension ONNXMoment {
  fileprivate func with(gamma: [Float]) -> ONNXMoment {
    var moment = self
    moment.gamma = gamma
    return moment
  }
}
