/// Which output of a graph is the answer, and the operators that lead to it.
struct ONNXAnswer {
  let output: String
  let nodes: [ONNXNode]

  /// Operators through which a recurrent operator's last state may leave the graph.
  private static let stateKinds: Set<String> = [
    "Cast", "Concat", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze",
  ]

  /// Other outputs than the first must be states, which Millrace carries itself.
  init(nodes: [ONNXNode], outputs: [String], path: String) throws(ModelFileError) {
    guard let output = outputs.first else {
      throw .unreadable(path: path, reason: "has no output")
    }
    var givers: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty { givers[output] = index }
    }
    for other in outputs.dropFirst() {
      var names = [other]
      while let name = names.popLast() {
        guard let node = givers[name].map({ nodes[$0] }) else {
          throw .unreadable(path: path, reason: "its output \(other) is no answer of the model")
        }
        if ["RNN", "GRU", "LSTM"].contains(node.kind), node.outputs.first != name { continue }
        guard Self.stateKinds.contains(node.kind) else {
          throw .unreadable(
            path: path,
            reason: "has the outputs \(outputs), and \(other) is no state of a recurrent operator; "
              + "expected one answer")
        }
        // The first input is the state; others say its shape.
        names.append(contentsOf: node.kind == "Concat" ? node.inputs : Array(node.inputs.prefix(1)))
      }
    }
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    if let giver = givers[output] { isNeeded[giver] = true }
    for index in nodes.indices.reversed() where isNeeded[index] {
      for name in nodes[index].inputs + nodes[index].captured {
        if let giver = givers[name] { isNeeded[giver] = true }
      }
    }
    self.output = output
    self.nodes = zip(nodes, isNeeded).filter(\.1).map(\.0)
  }
}
