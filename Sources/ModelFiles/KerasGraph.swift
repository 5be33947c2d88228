/// The layers of a Sequential model, or of a functional one that is a single path, in order.
struct KerasGraph {
  let name: String
  /// Without input layers.
  private(set) var layers: [KerasLayer] = []
  /// From the input layer, where there is one.
  private(set) var inputWidth: Int?

  /// Reads the parsed `config.json` or `model_config`.
  init(_ object: Any, path: String) throws(ModelFileError) {
    guard let fields = object as? [String: Any], let className = fields["class_name"] as? String
    else { throw .unreadable(path: path, reason: "its configuration describes no model") }
    // Keras 1 and early 2 gave a Sequential's layers as the configuration itself.
    let configuration = fields["config"] as? [String: Any]
    let objects = configuration?["layers"] as? [Any] ?? fields["config"] as? [Any]
    guard let objects else {
      throw .unsupported(
        path: path, layer: "'\(className)'",
        reason: "is a model class of its own; save a Sequential or functional model")
    }
    name = configuration?["name"] as? String ?? "sequential"
    var groups: [String: Int] = [:]
    var all: [(layer: KerasLayer, inputs: [String])] = []
    for object in objects {
      let kind = (object as? [String: Any])?["class_name"] as? String ?? ""
      let stem = KerasLayer.snakeCase(kind)
      let isNumbered = !(className == "Sequential" && kind == "InputLayer")
      let count = groups[stem, default: 0]
      if isNumbered { groups[stem] = count + 1 }
      guard
        let layer = KerasLayer(object, weightGroup: count == 0 ? stem : "\(stem)_\(count)")
      else {
        throw .unreadable(path: path, reason: "its configuration has a layer without a class")
      }
      all.append((layer, KerasGraph.inputs(of: object)))
    }
    inputWidth = all.lazy.compactMap { KerasGraph.inputWidth($0.layer.configuration) }.first
    let isFunctional = className == "Functional" || className == "Model"
    let chain = isFunctional ? try KerasGraph.chain(all, path: path) : all.map(\.layer)
    layers = chain.filter { $0.className != "InputLayer" }
  }

  private static func inputWidth(_ configuration: [String: Any]) -> Int? {
    let shape = configuration["batch_shape"] ?? configuration["batch_input_shape"]
    return (shape as? [Any])?.last as? Int
  }

  /// Names of the layers that feed one: Keras 3's `keras_history`, or Keras 2's
  /// `["name", 0, 0, {}]`.
  private static func inputs(of object: Any) -> [String] {
    guard let nodes = (object as? [String: Any])?["inbound_nodes"] as? [Any] else { return [] }
    var names: [String] = []
    func collect(_ value: Any) {
      if let fields = value as? [String: Any] {
        if let history = fields["keras_history"] as? [Any], let name = history.first as? String {
          names.append(name)
        } else {
          fields.values.forEach(collect)
        }
      } else if let list = value as? [Any] {
        if list.count >= 3, let name = list[0] as? String, list[1] is Int, list[2] is Int {
          names.append(name)
        } else {
          list.forEach(collect)
        }
      }
    }
    nodes.forEach(collect)
    return names
  }

  /// Orders a functional model's layers along its one path.
  private static func chain(
    _ all: [(layer: KerasLayer, inputs: [String])], path: String
  ) throws(ModelFileError) -> [KerasLayer] {
    let sources = all.filter { $0.inputs.isEmpty }
    guard sources.count == 1, let first = sources.first else {
      throw .unsupported(
        path: path, layer: sources.last?.layer.title ?? "(none)",
        reason: "the model has \(sources.count) inputs; a stream has one")
    }
    var chain = [first.layer]
    while let last = chain.last {
      let next = all.filter { $0.inputs.contains(last.name) }
      guard next.count <= 1 else {
        throw .unsupported(
          path: path, layer: last.title,
          reason: "feeds \(next.count) layers; only a single path can be run")
      }
      guard let following = next.first else { break }
      guard following.inputs.count == 1 else {
        throw .unsupported(
          path: path, layer: following.layer.title,
          reason: "has \(following.inputs.count) inputs; only a single path can be run")
      }
      chain.append(following.layer)
      guard chain.count <= all.count else { break }
    }
    guard chain.count == all.count else {
      throw .unsupported(
        path: path, layer: chain.last?.title ?? "", reason: "the model's layers are no single path")
    }
    return chain
  }
}
