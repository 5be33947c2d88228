/// One layer as Keras' configuration says it.
struct KerasLayer {
  let className: String
  let name: String
  private(set) var configuration: [String: JSONValue]
  /// The group of its weights in a Keras 3 file: its class in snake case with a running number,
  /// whatever its name (`keras/src/saving/saving_lib.py`).
  let weightGroup: String
  /// Why the class is not Keras' own although it may be named like one; nil if it is.
  let foreign: String?
  /// Whether it is an operation on tensors, such as `+`, and no layer: its class may be named alike.
  let isOperation: Bool
  /// What it wraps (TimeDistributed): none, one, or the layers of a Sequential in their order.
  let wrapped: [KerasLayer]

  /// For messages: `'lstm_1' (LSTM)`.
  var title: String { "'\(name)' (\(className))" }

  var isRecurrent: Bool { ["SimpleRNN", "GRU", "LSTM"].contains(className) }

  /// The same layer without its states beside its answer.
  var withoutStateOutput: KerasLayer {
    var layer = self
    layer.configuration["return_state"] = .bool(false)
    return layer
  }

  /// Nil if `object` has no class or no options; Keras 1 has other names for some options.
  init?(_ object: JSONValue, weightGroup: String, kerasMajor: Int) {
    guard let savedClass = object["class_name"]?.string,
      let saved = object["config"]?.object
    else { return nil }
    let (className, configuration) =
      kerasMajor == 1 ? Keras1.modern(savedClass, saved) : (savedClass, saved)
    self.className = className
    self.configuration = configuration
    self.weightGroup = weightGroup
    name = configuration["name"]?.string ?? object["name"]?.string ?? className
    foreign = KerasLayer.foreign(object, className: savedClass)
    isOperation = KerasLayer.isOperation(object)
    wrapped =
      configuration["layer"].flatMap { inner in
        KerasLayer.stack(inner, kerasMajor: kerasMajor)
          ?? KerasLayer(inner, weightGroup: "layer", kerasMajor: kerasMajor).map { [$0] }
      } ?? []
  }

  /// `.h5` files have no modules; a layer takes its tensors as one list, an operation each by itself.
  private static func isOperation(_ object: JSONValue) -> Bool {
    if let module = object["module"]?.string { return module.contains(".ops.") }
    let nodes = object["inbound_nodes"]?.array ?? []
    return nodes.contains { node in
      (node["args"]?.array ?? []).count { $0["class_name"]?.string == "__keras_tensor__" } > 1
    }
  }

  /// The layers of a wrapped Sequential; nil if it is none, or not Keras' own.
  private static func stack(_ model: JSONValue, kerasMajor: Int) -> [KerasLayer]? {
    guard model["class_name"]?.string == "Sequential",
      foreign(model, className: "Sequential") == nil,
      let objects = model["config"]?["layers"]?.array ?? model["config"]?.array
    else { return nil }
    var layers: [KerasLayer] = []
    for (object, group) in zip(objects, weightGroups(of: objects)) {
      guard
        let layer = KerasLayer(object, weightGroup: "layer/layers/\(group)", kerasMajor: kerasMajor)
      else { return nil }
      if layer.className != "InputLayer" { layers.append(layer) }
    }
    return layers
  }

  /// For each of a model's layers its class in snake case, with a running number from the second on.
  static func weightGroups(of objects: [JSONValue]) -> [String] {
    var counts: [String: Int] = [:]
    return objects.map { object in
      let stem = snakeCase(object["class_name"]?.string ?? "")
      defer { counts[stem, default: 0] += 1 }
      return counts[stem].map { "\(stem)_\($0)" } ?? stem
    }
  }

  /// Keras' own objects come from its modules and are not registered under another name.
  static func foreign(_ object: JSONValue, className: String) -> String? {
    if let module = object["module"]?.string {
      let roots = ["keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras"]
      guard roots.contains(where: { module == $0 || module.hasPrefix($0 + ".") }) else {
        return "it comes from the module \(module), not from Keras"
      }
    }
    if let registered = object["registered_name"]?.string, registered != className {
      return "it is registered as \(registered), which is not Keras' own"
    }
    return nil
  }

  /// Keras' `to_snake_case`: "SimpleRNN" -> "simple_rnn".
  static func snakeCase(_ name: String) -> String {
    name.replacing(/(.)([A-Z][a-z]+)/) { "\($0.output.1)_\($0.output.2)" }
      .replacing(/([a-z])([A-Z])/) { "\($0.output.1)_\($0.output.2)" }
      .lowercased()
  }
}
