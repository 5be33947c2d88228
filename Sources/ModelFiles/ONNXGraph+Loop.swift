import Recurrence

// `Loop`: tf2onnx writes Keras' GRU, SimpleRNN and some LSTMs as a loop over the steps.
extension ONNXGraph {
  /// A loop whose body is a recurrent layer's equations; any other is refused.
  mutating func loop(_ node: ONNXNode) throws(ModelFileError) {
    let body = try node.graph("body")
    let carriedCount = node.inputs.count - 2
    guard carriedCount > 0, body.inputs.count == carriedCount + 2,
      body.outputs.count == node.outputs.count + 1, node.outputs.count >= carriedCount
    else { throw node.unsupported("body", "does not fit the loop's inputs and outputs") }
    guard case .constant(let count) = values[node.inputs[0]], isSteps(count), begins(node) else {
      throw node.unsupported("M", "is not the number of steps: such a loop is not supported")
    }
    var inner = self
    let reader = ONNXTensorReader(path: path)
    for tensor in body.constants {
      inner.values[tensor.name] = .constant(try reader.constant(tensor, name: tensor.name))
    }
    var known: [String: ONNXLoopBody.Value] = [
      body.inputs[0]: .counter(0), body.inputs[1]: .bound,
    ]
    var states: [Int] = []
    for index in 0..<carriedCount {
      let name = body.inputs[index + 2]
      let outer = node.inputs[index + 2]
      if body.outputs[index + 1] == name {
        inner.values[name] = values[outer]
      } else if case .constant(let start) = values[outer], start.knownIntegers == [0] {
        known[name] = .counter(0)
      } else {
        known[name] = .expression(.state(index, width: try stateWidth(outer, node)))
        states.append(index)
      }
    }
    var steps = ONNXLoopBody(graph: inner, values: known)
    for node in body.nodes { try steps.read(node) }
    try finish(node, body, steps, states, carriedCount)
  }

  /// Whether its first condition is true, or left out.
  private func begins(_ node: ONNXNode) -> Bool {
    if node.inputs[1].isEmpty { return true }
    switch values[node.inputs[1]] {
    case .flag(true): return true
    case .constant(let condition): return condition.knownIntegers == [1]
    default: return false
    }
  }

  /// Values of a state that starts at zeros.
  private func stateWidth(_ name: String, _ node: ONNXNode) throws(ModelFileError) -> Int {
    guard case .constant(let start) = values[name], start.isZero, let width = start.shape.last?.size
    else {
      throw node.unsupported(
        nil, "starts \(name) from something else than zeros, which is not supported")
    }
    return width
  }

  private mutating func finish(
    _ node: ONNXNode, _ body: ONNXNode.Body, _ steps: ONNXLoopBody, _ states: [Int],
    _ carriedCount: Int
  ) throws(ModelFileError) {
    func impossible() -> ModelFileError {
      node.unsupported(
        "body",
        "is not a SimpleRNN's, GRU's or LSTM's equations: such a loop is not supported; "
          + "load the model from its .keras file")
    }
    // It may not stop before the last step.
    let goesOn: Bool
    switch (steps.value(body.outputs[0]), steps.graph.values[body.outputs[0]]) {
    case (.bound, _): goesOn = true
    case (nil, .constant(let condition)): goesOn = condition.knownIntegers == [1]
    default: goesOn = false
    }
    guard goesOn else { throw impossible() }
    var next: [Int: ONNXStepExpression] = [:]
    for index in states {
      guard let expression = steps.expression(body.outputs[index + 1]) else { throw impossible() }
      next[index] = expression
    }
    for index in 0..<carriedCount where !states.contains(index) {
      if case .counter(let count) = steps.value(body.outputs[index + 1]), count != 1 {
        throw impossible()
      }
    }
    let scans = body.outputs.dropFirst(carriedCount + 1)
    guard let rows = steps.rows,
      let output = scans.first.flatMap({ steps.expression($0) })
        ?? (next.count == 1 ? next.first?.value : nil),
      scans.allSatisfy({ steps.expression($0) == output }),
      let cell = ONNXCell(name: node.name, states: next, output: output)
    else { throw impossible() }
    loops.insert(cell.layer.name)
    var all = add(cell.layer, to: rows)
    let batch = rows.axes.count > 1 ? rows.axes[1] : .batch
    all.axes = [.steps, batch == .steps ? .batch : batch, .units(all.width)]
    for index in scans.indices { set(.rows(all), index - 1, of: node) }
    for index in 0..<carriedCount {
      guard index == cell.h else {
        set(.refused("it is no answer of the loop"), index, of: node)
        continue
      }
      var last = add(.lastStep(LastStep(name: node.name)), to: all)
      last.axes.removeFirst()
      set(.rows(last), index, of: node)
    }
  }
}
