/// The layers of a Sequential or functional model of one input and one output, in order; or of an
/// encoder and a decoder that are trained as one.
struct KerasGraph {
  /// A layer, and which of the layers before it it reads; nil is the model's input.
  struct Step {
    var layer: KerasLayer
    var inputs: [Int?]
  }

  let name: String
  /// Without the input layer; the last one gives the answer.
  let steps: [Step]
  /// What the model says of its input, `[batch, ...]`, where it does; nil sizes may be any.
  let inputShape: [Int?]?
  /// In a training graph of an encoder and a decoder these are the encoder's, and this the other: none
  /// or one.
  private(set) var decoder: [KerasGraph] = []

  /// Reads the parsed `config.json` or `model_config`; `kerasMajor` is 1 to 3.
  init(_ model: JSONValue, kerasMajor: Int, path: String) throws(ModelFileError) {
    guard let className = model["class_name"]?.string, let saved = model["config"] else {
      throw .unreadable(
        path: path, reason: "its configuration describes no model; save the model again")
    }
    let isFunctional = ["Functional", "Model"].contains(className)
    guard isFunctional || className == "Sequential" else {
      throw .unsupported(
        path: path, layer: "'\(saved["name"]?.string ?? className)' (\(className))", option: nil,
        reason: "is a model class of its own; save a Sequential or functional model")
    }
    if let foreign = KerasLayer.foreign(model, className: className) {
      throw .unsupported(
        path: path, layer: "'\(saved["name"]?.string ?? className)' (\(className))", option: nil,
        reason: foreign)
    }
    // Keras 1 and early 2 gave a Sequential's layers as the configuration itself.
    guard let objects = saved["layers"]?.array ?? saved.array else {
      throw .unreadable(path: path, reason: "its configuration has no layers")
    }
    let name = saved["name"]?.string ?? className.lowercased()
    let nodes = try KerasGraph.nodes(objects, kerasMajor: kerasMajor, path: path)
    guard isFunctional else {
      let chain = nodes.enumerated().map { index, node in
        KerasChain.Ordered(layer: node.layer, inputs: index > 0 ? [index - 1] : [])
      }
      self.init(name: name, chain: chain, shape: saved["build_input_shape"])
      return
    }
    let inputs = KerasCall.sources(in: saved["input_layers"])
    let outputs = KerasCall.sources(in: saved["output_layers"])
    let shape = saved["build_input_shape"]
    if let pair = try KerasPair(nodes, inputs: inputs, outputs: outputs, path: path) {
      func graph(_ side: KerasPair.Side) throws(ModelFileError) -> KerasGraph {
        let chain = try KerasChain(side.nodes, path: path)
          .ordered(inputs: side.inputs, outputs: [side.output])
        return KerasGraph(name: name, chain: chain, shape: nil)
      }
      self = try graph(pair.encoder)
      decoder = [try graph(pair.decoder)]
      return
    }
    let chain = try KerasChain(nodes, path: path).ordered(inputs: inputs, outputs: outputs)
    self.init(name: name, chain: chain, shape: shape)
  }

  private init(name: String, chain: [KerasChain.Ordered], shape: JSONValue?) {
    self.name = name
    steps = KerasGraph.steps(chain)
    let first = chain.first?.layer.configuration
    inputShape = KerasGraph.shape(first?["batch_shape"] ?? first?["batch_input_shape"] ?? shape)
  }

  /// Leaves out the input layer: what reads it reads the model's input.
  private static func steps(_ chain: [KerasChain.Ordered]) -> [Step] {
    var places: [Int?] = []
    var steps: [Step] = []
    for ordered in chain {
      if ordered.layer.className == "InputLayer" {
        places.append(nil)
        continue
      }
      let inputs = ordered.inputs.map { places[$0] }
      steps.append(Step(layer: ordered.layer, inputs: inputs.isEmpty ? [nil] : inputs))
      places.append(steps.count - 1)
    }
    return steps
  }

  private static func nodes(
    _ objects: [JSONValue], kerasMajor: Int, path: String
  ) throws(ModelFileError) -> [KerasChain.Node] {
    var nodes: [KerasChain.Node] = []
    for (index, (object, group)) in zip(objects, KerasLayer.weightGroups(of: objects)).enumerated()
    {
      guard let layer = KerasLayer(object, weightGroup: group, kerasMajor: kerasMajor) else {
        throw .unreadable(
          path: path, reason: "its configuration has no class and options for layer \(index)")
      }
      var calls = (object["inbound_nodes"]?.array ?? []).map { KerasCall($0) }
      if layer.isRecurrent {
        for call in calls.indices { calls[call].takeInitialStateFromInputs() }
      }
      nodes.append(KerasChain.Node(layer: layer, calls: calls))
    }
    return nodes
  }

  private static func shape(_ value: JSONValue?) -> [Int?]? {
    // A model of one input may still list the shapes of all its inputs.
    if let list = value?.array, list.count == 1, list[0].array != nil { return shape(list[0]) }
    return value?.array?.map(\.int)
  }
}
