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
  /// What it wraps (TimeDistributed): none or one.
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
    wrapped =
      configuration["layer"].flatMap {
        KerasLayer($0, weightGroup: "layer", kerasMajor: kerasMajor)
      }.map { [$0] } ?? []
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
