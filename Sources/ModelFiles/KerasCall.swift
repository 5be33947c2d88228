/// How a layer of a functional model is called: one of its `inbound_nodes`.
///
/// Keras 3: `{"args": [tensor, ...], "kwargs": {...}}`, a tensor being an object with
/// `config.keras_history`; Keras 1 and 2: a list of `[layer, node, tensor]` or
/// `[layer, node, tensor, kwargs]`.
struct KerasCall {
  /// One output of one call of a layer.
  struct Source: Equatable {
    var layer: String
    var call: Int
    var output: Int
  }

  private(set) var inputs: [Source] = []
  /// Arguments that are no tensors (`NotEqual`'s second).
  private(set) var constants: [JSONValue] = []
  private(set) var mask: Source?
  /// What a recurrent layer begins with, where it is given.
  private(set) var initialState: [Source] = []
  /// Names of other arguments that are set.
  private(set) var otherArguments: [String] = []

  init(_ node: JSONValue) {
    if case .object(let members) = node {
      for argument in members["args"]?.array ?? [] { add(argument) }
      addNamed(members["kwargs"]?.object ?? [:])
    } else {
      addLegacy(node)
    }
  }

  private mutating func add(_ argument: JSONValue) {
    if let source = KerasCall.source(argument) {
      inputs.append(source)
    } else if let list = argument.array {
      list.forEach { add($0) }
    } else {
      constants.append(argument)
    }
  }

  private mutating func addNamed(_ arguments: [String: JSONValue]) {
    for (name, value) in arguments.sorted(by: { $0.key < $1.key }) {
      if name == "mask", let source = KerasCall.source(value) {
        mask = source
      } else if name == "initial_state", case let sources = KerasCall.tensors(in: value),
        !sources.isEmpty
      {
        initialState = sources
      } else if value != .null && value != .bool(false) {
        otherArguments.append(name)
      }
    }
  }

  private mutating func addLegacy(_ node: JSONValue) {
    guard let list = node.array else { return }
    if let source = KerasCall.legacySource(list) {
      inputs.append(source)
      if list.count > 3, let arguments = list[3].object { addNamed(arguments) }
    } else {
      list.forEach { addLegacy($0) }
    }
  }

  private static func tensors(in value: JSONValue) -> [Source] {
    if let source = source(value) { return [source] }
    return value.array?.flatMap { tensors(in: $0) } ?? []
  }

  /// Keras 2 gives a recurrent layer its first states as inputs behind the first.
  mutating func takeInitialStateFromInputs() {
    guard inputs.count > 1, initialState.isEmpty else { return }
    initialState = Array(inputs.dropFirst())
    inputs = Array(inputs.prefix(1))
  }

  mutating func dropInitialState() { initialState = [] }

  private static func source(_ value: JSONValue) -> Source? {
    guard let history = value["config"]?["keras_history"]?.array else { return nil }
    return legacySource(history)
  }

  /// `["lstm", 0, 0]`, with or without arguments behind it.
  static func legacySource(_ list: [JSONValue]) -> Source? {
    guard list.count >= 3, let layer = list[0].string, let call = list[1].int,
      let output = list[2].int
    else { return nil }
    return Source(layer: layer, call: call, output: output)
  }

  /// The sources in a model's `input_layers` or `output_layers`, however they are nested.
  static func sources(in value: JSONValue?) -> [Source] {
    switch value {
    case .array(let list):
      if let source = legacySource(list) { return [source] }
      return list.flatMap { sources(in: $0) }
    case .object(let members): return members.values.flatMap { sources(in: $0) }
    default: return []
    }
  }
}
