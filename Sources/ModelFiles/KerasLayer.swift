/// One layer as Keras' configuration says it.
struct KerasLayer {
  let className: String
  let name: String
  let configuration: [String: Any]
  /// The group of its weights in a Keras 3 file: its class in snake case with a running number,
  /// whatever its name (`keras/src/saving/saving_lib.py`).
  let weightGroup: String
  /// What it wraps (TimeDistributed).
  let inner: Box?

  /// A layer inside a layer.
  final class Box {
    let layer: KerasLayer
    init(_ layer: KerasLayer) { self.layer = layer }
  }

  /// For messages: `'lstm_1' (LSTM)`.
  var title: String { "'\(name)' (\(className))" }

  var isRecurrent: Bool { ["SimpleRNN", "GRU", "LSTM"].contains(className) }

  init?(_ object: Any, weightGroup: String) {
    guard let fields = object as? [String: Any], let className = fields["class_name"] as? String,
      let configuration = fields["config"] as? [String: Any]
    else { return nil }
    self.className = className
    self.configuration = configuration
    self.weightGroup = weightGroup
    name = configuration["name"] as? String ?? fields["name"] as? String ?? className
    inner = configuration["layer"].flatMap { KerasLayer($0, weightGroup: "layer") }.map(Box.init)
  }

  /// Keras' `to_snake_case`: "SimpleRNN" -> "simple_rnn".
  static func snakeCase(_ name: String) -> String {
    name.replacing(/(.)([A-Z][a-z]+)/) { "\($0.output.1)_\($0.output.2)" }
      .replacing(/([a-z])([A-Z])/) { "\($0.output.1)_\($0.output.2)" }
      .lowercased()
  }
}
