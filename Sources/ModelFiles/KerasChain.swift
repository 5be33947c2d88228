/// Puts the layers of a functional model in the order of its one path, or refuses it.
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

  /// The layers in order, from the model's `input_layers` to its `output_layers`.
  func ordered(
    inputs: [KerasCall.Source], outputs: [KerasCall.Source]
  ) throws(ModelFileError) -> [KerasLayer] {
    let first = try start(inputs)
    var chain = [first]
    var mask: Mask?
    while let last = chain.last {
      let followers = nodes.filter { node in
        node.calls.contains { $0.inputs.contains { $0.layer == last.name } }
      }
      guard followers.count <= 1 else {
        throw unsupported(
          last, "feeds \(followers.count) layers; expected a single path through the model")
      }
      guard let next = followers.first else { break }
      try check(next, follows: last, mask: &mask)
      chain.append(next.layer)
      guard chain.count <= nodes.count else { break }
    }
    guard let last = chain.last, chain.count == nodes.count else {
      let names = Set(chain.map(\.name))
      let stray = nodes.first { !names.contains($0.layer.name) }?.layer ?? first
      throw unsupported(stray, "is not on the single path from the model's input")
    }
    guard outputs.count == 1, outputs[0].layer == last.name, outputs[0].output == 0 else {
      throw unsupported(
        last, "the model has outputs \(outputs.map(\.layer)), expected the last layer's alone")
    }
    return chain
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

  /// One call with one input, and no argument that changes what the layer does.
  private func check(
    _ node: Node, follows last: KerasLayer, mask live: inout Mask?
  ) throws(ModelFileError) {
    let layer = node.layer
    guard node.calls.count == 1, let call = node.calls.first else {
      throw unsupported(layer, "is called \(node.calls.count) times, expected once")
    }
    guard call.inputs.count == 1, call.inputs[0].output == 0, call.inputs[0].call == 0,
      call.constants.allSatisfy({ $0 == .null })
    else {
      throw unsupported(layer, "has \(call.inputs.count) inputs, expected the layer before it")
    }
    if let argument = call.otherArguments.first {
      throw .unsupported(
        path: path, layer: layer.title, option: argument,
        reason: "is given to the call, expected the layer's input alone")
    }
    if let mask = call.mask {
      guard let known = masks[mask.layer], known == live else {
        throw .unsupported(
          path: path, layer: layer.title, option: "mask",
          reason: "is \(mask.layer), expected the mask of the model's Embedding or Masking")
      }
    }
    switch layer.className {
    case "Embedding" where layer.configuration["mask_zero"] == .bool(true):
      live = Mask(source: last.name, constant: 0, isAny: false)
    case "Masking":
      let value = layer.configuration["mask_value"]?.double ?? 0
      live = Mask(source: last.name, constant: value, isAny: true)
    case "SimpleRNN", "GRU", "LSTM":
      if layer.configuration["return_sequences"] != .bool(true) { live = nil }
    default: break
    }
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
