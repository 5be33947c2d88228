import Recurrence

/// What the body of a loop over the steps computes in one step.
struct ONNXLoopBody {
  /// What a name of the body stands for.
  enum Value {
    case expression(ONNXStepExpression)
    /// How many steps there were; 1 more behind `+ 1`.
    case counter(Int)
    /// Whether the loop goes on, which it does to the last step.
    case bound
  }

  /// The graph around it, whose constants it uses; it takes the body's own constants.
  private(set) var graph: ONNXGraph
  private var values: [String: Value]
  /// The rows that are read step by step: the one tensor that is taken at the counter.
  private(set) var rows: ONNXRows?

  init(graph: ONNXGraph, values: [String: Value]) {
    self.graph = graph
    self.values = values
  }

  func value(_ name: String) -> Value? { values[name] }

  func expression(_ name: String) -> ONNXStepExpression? {
    if case .expression(let expression) = values[name] { expression } else { nil }
  }

  /// Reads one operator of the body.
  mutating func read(_ node: ONNXNode) throws(ModelFileError) {
    let known = node.inputs.map { values[$0] }
    if known.allSatisfy({ $0 == nil }) {
      try readConstant(node)
      return
    }
    if node.kind == "Less" { return try compare(node) }
    let boundCount = known.count { if case .bound = $0 { true } else { false } }
    if boundCount > 0 {
      guard ["And", "Identity"].contains(node.kind), boundCount == known.count else {
        throw impossible(node)
      }
      return set(.bound, node)
    }
    let counts = known.compactMap { if case .counter(let steps) = $0 { steps } else { nil } }
    if let steps = counts.first { return try readCounter(node, steps) }
    try readExpression(node)
    try node.refuseUnread()
  }

  private mutating func set(_ value: Value, _ node: ONNXNode, _ index: Int = 0) {
    guard node.outputs.indices.contains(index) else { return }
    values[node.outputs[index]] = value
  }

  private func impossible(_ node: ONNXNode) -> ModelFileError {
    node.unsupported(
      nil, "in a loop's body is not supported; expected a recurrent layer's equations")
  }

  // MARK: Constants and counters

  private mutating func readConstant(_ node: ONNXNode) throws(ModelFileError) {
    if node.kind == "Split" { return try splitConstant(node) }
    guard ONNXGraph.constantKinds.contains(node.kind) else { throw impossible(node) }
    try graph.foldConstant(node)
  }

  /// The number of the step, or of the next one, is below the number of steps.
  private mutating func compare(_ node: ONNXNode) throws(ModelFileError) {
    guard node.inputs.count == 2, case .counter(let steps) = values[node.inputs[0]], steps <= 1,
      case .constant(let bound) = graph.values[node.inputs[1]], graph.isSteps(bound)
    else { throw impossible(node) }
    set(.bound, node)
  }

  /// The two biases of a GRU stand in one tensor.
  private mutating func splitConstant(_ node: ONNXNode) throws(ModelFileError) {
    let axis = try node.integer("axis", default: 0)
    _ = try node.integer("num_outputs", default: 0)
    guard let constant = try graph.constant(0, of: node), let sizes = constant.sizes,
      !sizes.isEmpty, axis == 0, let count = ONNXConstant.count(of: sizes),
      sizes[0].isMultiple(of: node.outputs.count), node.inputs.count == 1,
      try node.integers("split") == nil
    else { throw impossible(node) }
    let part = count / node.outputs.count
    let shape: [ONNXDimension] =
      [.known(sizes[0] / node.outputs.count)] + constant.shape.dropFirst()
    for index in node.outputs.indices {
      let chosen = constant.picking(
        Array(index * part..<(index + 1) * part), shape: shape)
      graph.set(.constant(chosen), index, of: node)
    }
  }

  private mutating func readCounter(_ node: ONNXNode, _ steps: Int) throws(ModelFileError) {
    switch node.kind {
    case "Add":
      let others = node.inputs.compactMap { graph.values[$0] }
      guard case .constant(let one) = others.first, one.knownIntegers == [1] else {
        throw impossible(node)
      }
      set(.counter(steps + 1), node)
    case "Gather":
      guard steps == 0, case .rows(let rows) = graph.values[node.inputs[0]],
        rows.axes.first == .steps, rows.unitsAreLast, rows.padding == 0, rows.surplus == 0,
        try node.integer("axis", default: 0) == 0,
        self.rows == nil || self.rows?.value == rows.value
      else { throw impossible(node) }
      self.rows = rows
      set(.expression(.input(width: rows.width)), node)
    case "Cast", "Identity", "Squeeze", "Unsqueeze":
      set(.counter(steps), node)
    default: throw impossible(node)
    }
  }

  // MARK: Equations

  private func constant(_ node: ONNXNode, _ index: Int) -> ONNXConstant? {
    guard node.inputs.indices.contains(index),
      case .constant(let constant) = graph.values[node.inputs[index]]
    else { return nil }
    return constant
  }

  private func expression(_ node: ONNXNode, _ index: Int) -> ONNXStepExpression? {
    node.inputs.indices.contains(index) ? expression(node.inputs[index]) : nil
  }

  private mutating func readExpression(_ node: ONNXNode) throws(ModelFileError) {
    if let activation = try ONNXActivation.unit(node) {
      guard let inner = expression(node, 0) else { throw impossible(node) }
      return set(.expression(.activation(activation, inner)), node)
    }
    switch node.kind {
    case "Identity", "Squeeze", "Unsqueeze", "Reshape":
      // One stream's vector stays what it is.
      node.ignore("axes", "allowzero")
      guard let inner = expression(node, 0) else { throw impossible(node) }
      set(.expression(inner), node)
    case "MatMul", "Gemm": try multiply(node)
    case "Add", "Sub", "Mul": try combine(node)
    case "Clip": try clip(node)
    case "Split": try split(node)
    case "Slice": try slice(node)
    default: throw impossible(node)
    }
  }

  private mutating func multiply(_ node: ONNXNode) throws(ModelFileError) {
    var transposes = false
    if node.kind == "Gemm" {
      try node.require("transA", is: 0)
      transposes = try node.integer("transB", default: 0) != 0
      for key in ["alpha", "beta"] where try node.float(key, default: 1) != 1 {
        throw node.unsupported(key, "is not 1")
      }
    }
    guard let source = expression(node, 0), let weights = constant(node, 1),
      let sizes = weights.sizes, sizes.count == 2, let values = weights.floats
    else { throw impossible(node) }
    let stored = Matrix(rows: sizes[0], columns: sizes[1], values: values)
    let matrix = transposes ? stored.transposed : stored
    guard matrix.rows == source.width else { throw impossible(node) }
    var result = ONNXStepExpression.Affine(
      width: matrix.columns, bias: nil,
      terms: [ONNXStepExpression.Affine.Term(source: source, matrix: matrix)])
    if let bias = constant(node, 2) {
      guard let values = bias.floats, values.count == matrix.columns else { throw impossible(node) }
      result = result.with(bias: values)
    } else if let more = expression(node, 2) {
      guard more.width == result.width else { throw impossible(node) }
      return set(.expression(.affine(result) + more), node)
    }
    set(.expression(.affine(result)), node)
  }

  private mutating func combine(_ node: ONNXNode) throws(ModelFileError) {
    if let a = expression(node, 0), let b = expression(node, 1) {
      guard a.width == b.width else { throw impossible(node) }
      switch node.kind {
      case "Add": return set(.expression(a + b), node)
      case "Mul": return set(.expression(.product(a, b)), node)
      default: throw impossible(node)
      }
    }
    guard let inner = expression(node, 0) ?? expression(node, 1),
      let values = (constant(node, 0) ?? constant(node, 1))?.floats
    else { throw impossible(node) }
    switch (node.kind, inner) {
    case ("Add", .affine(let affine)) where values.count == affine.width:
      set(.expression(.affine(affine.with(bias: values))), node)
    case ("Add", _) where values.count == 1:
      set(.expression(.activation(.affine(scale: 1, offset: values[0]), inner)), node)
    case ("Mul", _) where values.count == 1: set(.expression(scaled(inner, by: values[0])), node)
    case ("Sub", _) where constant(node, 0) != nil && values.allSatisfy({ $0 == 1 }):
      set(.expression(.complement(inner)), node)
    default: throw impossible(node)
    }
  }

  /// Keras 3's `hard_sigmoid` stands as `relu6(x + 3) / 6`.
  private func scaled(_ inner: ONNXStepExpression, by factor: Float) -> ONNXStepExpression {
    if case .activation(.relu6, .activation(.affine(scale: 1, offset: 3), let x)) = inner,
      abs(factor - 1 / 6) < 1e-6
    {
      return .activation(.hardSigmoid, x)
    }
    return .activation(.affine(scale: factor, offset: 0), inner)
  }

  private mutating func clip(_ node: ONNXNode) throws(ModelFileError) {
    guard let inner = expression(node, 0), constant(node, 1)?.floats == [0],
      let most = constant(node, 2)?.floats, most.count == 1
    else { throw impossible(node) }
    let activation: Activation =
      most[0] == 6
      ? .relu6 : .limitedRelu(maxValue: most[0], negativeSlope: 0, threshold: 0)
    set(.expression(.activation(activation, inner)), node)
  }

  private mutating func split(_ node: ONNXNode) throws(ModelFileError) {
    let axis = try node.integer("axis", default: 0)
    _ = try node.integer("num_outputs", default: 0)
    guard case .affine(let affine) = expression(node, 0), axis == 1 || axis == -1 else {
      throw impossible(node)
    }
    let sizes =
      try graph.integers("split", or: 1, of: node)
      ?? node.outputs.map { _ in affine.width / node.outputs.count }
    guard sizes.count == node.outputs.count, sizes.reduce(0, +) == affine.width,
      sizes.allSatisfy({ $0 > 0 })
    else { throw impossible(node) }
    var start = 0
    for (index, size) in sizes.enumerated() {
      set(.expression(.affine(affine.columns(start..<start + size))), node, index)
      start += size
    }
  }

  private mutating func slice(_ node: ONNXNode) throws(ModelFileError) {
    guard case .affine(let affine) = expression(node, 0) else { throw impossible(node) }
    var result = affine
    for cut in try graph.cuts(node, rank: 2) {
      if cut.axis == 0 {
        guard cut.isWhole || cut.positions(of: 1) == [0] else { throw impossible(node) }
        continue
      }
      let chosen = cut.positions(of: affine.width)
      guard let first = chosen.first, cut.step == 1 else { throw impossible(node) }
      result = affine.columns(first..<first + chosen.count)
    }
    set(.expression(.affine(result)), node)
  }
}
