/// The options of one entry of a layers file; each that is read is remembered.
final class TorchOptions {
  /// The layers file.
  private let path: String
  private let values: [String: JSONValue]
  /// For messages: `'layers.0' (lstm)`, or `3 (relu)` for a layer without weights.
  let title: String
  let kind: String
  /// Where its weights stand: `layers.0` for `layers.0.weight`; nil if none are named.
  let prefix: String?
  private var read: Set<String> = ["kind", "prefix", "name"]

  init(_ entry: JSONValue, index: Int, path: String) throws(ModelFileError) {
    self.path = path
    guard let values = entry.object, let kind = values["kind"]?.string else {
      throw .unreadable(
        path: path,
        reason: "layer \(index) has no \"kind\", expected an object such as "
          + "{\"kind\": \"lstm\", \"prefix\": \"rnn\"}")
    }
    self.values = values
    self.kind = kind
    prefix = values["prefix"]?.string
    if values["prefix"] != nil && prefix == nil {
      throw .unreadable(path: path, reason: "layer \(index) (\(kind)): prefix is not text")
    }
    title = "\(prefix.map { "'\($0)'" } ?? "\(index)") (\(kind))"
  }

  func unsupported(_ option: String?, _ reason: String) -> ModelFileError {
    .unsupported(path: path, layer: title, option: option, reason: reason)
  }

  /// Refuses what nobody read: it might change the numbers.
  func refuseUnread() throws(ModelFileError) {
    guard let key = values.keys.sorted().first(where: { !read.contains($0) }) else { return }
    throw unsupported(
      key, "is not known; expected one of \(read.subtracting(["kind"]).sorted())")
  }

  /// Nil when it is missing or null.
  func value(_ key: String) -> JSONValue? {
    read.insert(key)
    let value = values[key]
    return value == .null ? nil : value
  }

  func flag(_ key: String, default fallback: Bool) throws(ModelFileError) -> Bool {
    guard let value = value(key) else { return fallback }
    guard case .bool(let flag) = value else {
      throw unsupported(key, "is \(value.shortText), expected true or false")
    }
    return flag
  }

  func number(_ key: String, default fallback: Float) throws(ModelFileError) -> Float {
    guard let value = value(key) else { return fallback }
    guard let number = value.double else {
      throw unsupported(key, "is \(value.shortText), expected a number")
    }
    return Float(number)
  }

  /// A size of at least `least`; nil when it is missing.
  func size(_ key: String, least: Int = 1) throws(ModelFileError) -> Int? {
    guard let value = value(key) else { return nil }
    // PyTorch's own form of a convolution's sizes is a list of one.
    let list = value.array ?? [value]
    guard list.count == 1, let size = list[0].int, (least...1 << 24).contains(size) else {
      throw unsupported(key, "is \(value.shortText), expected a size of at least \(least)")
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
