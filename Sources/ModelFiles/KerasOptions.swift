/// A layer's options; each that is read is remembered, and what nobody read is refused.
///
/// A newer Keras may have options that change the numbers and are not known here.
final class KerasOptions {
  private let values: [String: JSONValue]
  private let title: String
  private let path: String
  private var read: Set<String> = []
  /// What is taken otherwise than it stands in the file.
  var conversions: [String] = []

  init(_ layer: KerasLayer, path: String) {
    values = layer.configuration
    title = layer.title
    self.path = path
  }

  /// Options that change nothing when a trained model answers.
  private static let harmless: Set<String> = [
    "name", "trainable", "batch_shape", "batch_input_shape", "input_shape", "input_dtype",
    "input_dim", "input_length", "seed", "dropout", "recurrent_dropout", "implementation", "unroll",
    "stateful",
    "unit_forget_bias", "momentum", "fused", "synchronized", "virtual_batch_size", "autocast",
    "supports_masking", "sparse", "ragged", "use_cudnn", "renorm_momentum", "consume_less",
    "dropout_W", "dropout_U", "layer",
  ]

  private static let harmlessSuffixes = [
    "_initializer", "_regularizer", "_constraint", "_init", "init",
  ]

  /// Refuses options that are set, matter and have not been read.
  func refuseUnread() throws(ModelFileError) {
    for key in values.keys.sorted() where !read.contains(key) && !Self.harmless.contains(key) {
      if Self.harmlessSuffixes.contains(where: key.hasSuffix) { continue }
      switch values[key] {
      case nil, .null, .bool(false): continue
      case let value?:
        throw unsupported(key, "is \(value.shortText), which is not supported")
      }
    }
  }

  func unsupported(_ option: String?, _ reason: String) -> ModelFileError {
    .unsupported(path: path, layer: title, option: option, reason: reason)
  }

  /// Keras takes the mask away here, so that what follows sees masked steps as any others.
  var losesMask: ModelFileError {
    unsupported(
      nil,
      "takes away the mask of the steps before it, which is not supported; use layers that pass "
        + "it on, or leave the mask out")
  }

  /// Nil when it is missing.
  func saved(_ key: String) -> JSONValue? {
    read.insert(key)
    return values[key]
  }

  /// Nil when it is missing or null.
  func value(_ key: String) -> JSONValue? {
    let value = saved(key)
    return value == .null ? nil : value
  }

  func flag(_ key: String, default fallback: Bool = false) throws(ModelFileError) -> Bool {
    switch value(key) {
    case nil: return fallback
    case .bool(let flag): return flag
    case let other?: throw unsupported(key, "is \(other.shortText), expected true or false")
    }
  }

  func number(_ key: String) throws(ModelFileError) -> Float? {
    guard let value = value(key) else { return nil }
    guard let number = value.double else {
      throw unsupported(key, "is \(value.shortText), expected a number")
    }
    return Float(number)
  }

  /// A required size.
  func size(_ key: String) throws(ModelFileError) -> Int {
    guard let value = value(key) else { throw unsupported(key, "is missing, expected a size") }
    guard let size = value.int, (1...1 << 24).contains(size) else {
      throw unsupported(key, "is \(value.shortText), expected a size of at least 1")
    }
    return size
  }

  /// A size that Keras writes as `4` or `[4]`.
  func singleSize(_ key: String, default fallback: Int) throws(ModelFileError) -> Int {
    guard let value = value(key) else { return fallback }
    let list = value.array ?? [value]
    guard list.count == 1, let size = list[0].int, (1...1 << 24).contains(size) else {
      throw unsupported(key, "is \(value.shortText), expected one size of at least 1")
    }
    return size
  }

  func text(_ key: String, default fallback: String) throws(ModelFileError) -> String {
    guard let value = value(key) else { return fallback }
    guard let text = value.string else {
      throw unsupported(key, "is \(value.shortText), expected text")
    }
    return text
  }
}
