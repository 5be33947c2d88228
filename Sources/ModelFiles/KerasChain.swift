/// Puts the layers of a functional model in an order in which each stands behind what it reads.
struct KerasChain {
  /// A layer with its calls.
  struct Node {
    var layer: KerasLayer
    var calls: [KerasCall]
  }

  /// How Keras 3 writes a mask into the graph: `NotEqual(source, constant)`, and `Any` of that
  /// over the last axis for Masking.
  private struct Mask: Equatable {
    var source: String
    var constant: Double
    var isAny: Bool
  }

  private let nodes: [Node]
  private let masks: [String: Mask]
  private let path: String

  init(_ nodes: [Node], path: String) {
    self.path = path
    let masks = KerasChain.masks(nodes)
    self.masks = masks
    // A mask that also feeds a layer is an operation like any other, and is refused by its class.
    self.nodes = nodes.filter { masks[$0.layer.name] == nil }
  }

  /// A layer in its order, with the places of the layers that it reads.
  struct Ordered {
    var layer: KerasLayer
    var inputs: [Int]
  }

  /// The layers in order, from the model's `input_layers` to its `output_layers`, which is last.
  func ordered(
    inputs: [KerasCall.Source], outputs: [KerasCall.Source]
  ) throws(ModelFileError) -> [Ordered] {
    let first = try start(inputs)
    var followers: [String: [Int]] = [:]
    var missing = nodes.map { Set($0.calls.flatMap(\.inputs).map(\.layer)).count }
    for (index, node) in nodes.enumerated() {
      for name in Set(node.calls.flatMap(\.inputs).map(\.layer)) {
        followers[name, default: []].append(index)
      }
    }
    var ordered = [Ordered(layer: first, inputs: [])]
    var places = [first.name: 0]
    var live: [String: Mask] = [:]
    var next = 0
    while next < ordered.count {
      for index in followers[ordered[next].layer.name] ?? [] {
        missing[index] -= 1
        guard missing[index] == 0 else { continue }
        let node = nodes[index]
        try check(node, masks: &live)
        guard places.updateValue(ordered.count, forKey: node.layer.name) == nil else {
          throw unsupported(node.layer, "has the name of another layer")
        }
        let sources = node.calls.flatMap(\.inputs).compactMap { places[$0.layer] }
        ordered.append(Ordered(layer: node.layer, inputs: sources))
      }
      next += 1
    }
    if ordered.count != nodes.count {
      let stray = nodes.first { places[$0.layer.name] == nil }?.layer ?? first
      throw unsupported(stray, "is not on a path from the model's input")
    }
    guard outputs.count == 1, outputs[0].output == 0, let last = places[outputs[0].layer] else {
      throw unsupported(
        first, "the model has outputs \(outputs.map(\.layer)), expected one layer's alone")
    }
    // Layers that lead nowhere do not change the answer.
    return ordered.enumerated().filter { $0.offset <= last }.map(\.element)
  }

  private func start(_ inputs: [KerasCall.Source]) throws(ModelFileError) -> KerasLayer {
    let sources = nodes.filter { $0.calls.allSatisfy(\.inputs.isEmpty) }
    guard sources.count == 1, let first = sources.first?.layer else {
      guard let last = sources.last?.layer else {
        throw .unreadable(path: path, reason: "its configuration has no input layer")
      }
      throw unsupported(last, "the model has \(sources.count) inputs; a stream has one")
    }
    guard inputs.count == 1, inputs[0].layer == first.name else {
      throw unsupported(first, "the model has inputs \(inputs.map(\.layer)), expected this one")
    }
    return first
  }

  /// One call, with one input unless it joins several, and no argument that changes what it does.
  private func check(_ node: Node, masks live: inout [String: Mask]) throws(ModelFileError) {
    let layer = node.layer
    guard node.calls.count == 1, let call = node.calls.first else {
      throw unsupported(layer, "is called \(node.calls.count) times, expected once")
    }
    let joins = KerasJoin(layer) != nil
    guard joins ? call.inputs.count >= 2 : call.inputs.count == 1,
      call.inputs.allSatisfy({ $0.output == 0 && $0.call == 0 }),
      call.constants.allSatisfy({ $0 == .null })
    else {
      throw unsupported(
        layer,
        "has \(call.inputs.count) inputs, expected "
          + (joins ? "two or more layers' only outputs" : "one layer's only output"))
    }
    if let argument = call.otherArguments.first
      ?? (call.initialState.isEmpty ? nil : "initial_state")
    {
      throw .unsupported(
        path: path, layer: layer.title, option: argument,
        reason: "is given to the call, expected the layer's input alone")
    }
    if let mask = call.mask {
      guard let known = masks[mask.layer], let input = call.inputs.first,
        known == live[input.layer]
      else {
        throw .unsupported(
          path: path, layer: layer.title, option: "mask",
          reason: "is \(mask.layer), expected the mask of the model's Embedding or Masking")
      }
    }
    guard let source = call.inputs.first?.layer else { return }
    var mask = live[source]
    switch layer.className {
    case "Embedding" where layer.configuration["mask_zero"] == .bool(true):
      mask = Mask(source: source, constant: 0, isAny: false)
    case "Masking":
      let value = layer.configuration["mask_value"]?.double ?? 0
      mask = Mask(source: source, constant: value, isAny: true)
    case "SimpleRNN", "GRU", "LSTM":
      if layer.configuration["return_sequences"] != .bool(true) { mask = nil }
    default: break
    }
    live[layer.name] = mask
  }

  /// The operations that are nothing but masks.
  private static func masks(_ nodes: [Node]) -> [String: Mask] {
    var masks: [String: Mask] = [:]
    func isOperation(_ node: Node, _ name: String) -> Bool {
      node.layer.className == name && node.calls.count == 1
    }
    for node in nodes where isOperation(node, "NotEqual") {
      let call = node.calls[0]
      guard call.inputs.count == 1, call.constants.count == 1,
        let constant = call.constants[0].double
      else { continue }
      masks[node.layer.name] = Mask(
        source: call.inputs[0].layer, constant: constant, isAny: false)
    }
    for node in nodes where isOperation(node, "Any") {
      let axis = node.layer.configuration["axis"]?.int
      let keeps = node.layer.configuration["keepdims"]
      guard let input = node.calls[0].inputs.first, node.calls[0].inputs.count == 1,
        let compared = masks[input.layer], !compared.isAny, axis == -1, keeps != .bool(true)
      else { continue }
      masks[node.layer.name] = Mask(
        source: compared.source, constant: compared.constant, isAny: true)
    }
    // Layers that join rows of one mask join that mask with itself.
    for node in nodes where isOperation(node, "LogicalOr") {
      let inputs = node.calls[0].inputs.map { masks[$0.layer] }
      guard inputs.count == 2, let mask = inputs[0], inputs[1] == mask else { continue }
      masks[node.layer.name] = mask
    }
    // What feeds a layer as its input is more than a mask.
    for node in nodes where masks[node.layer.name] == nil {
      for call in node.calls { call.inputs.forEach { masks[$0.layer] = nil } }
    }
    return masks
  }

  private func unsupported(_ layer: KerasLayer, _ reason: String) -> ModelFileError {
    .unsupported(path: path, layer: layer.title, option: nil, reason: reason)
  }
}
