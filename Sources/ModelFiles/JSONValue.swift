/// A parsed JSON text: Keras' configurations have no fixed form.
enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Parses a whole text; nil if it is not JSON.
  init?(text: [UInt8]) {
    do {
      self = try JSONValueParser.parse(text)
    } catch {
      return nil
    }
  }

  subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  var string: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  var array: [JSONValue]? {
    guard case .array(let values) = self else { return nil }
    return values
  }

  var object: [String: JSONValue]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// A number without a fraction.
  var int: Int? {
    guard case .number(let value) = self else { return nil }
    return Int(exactly: value)
  }

  var double: Double? {
    guard case .number(let value) = self else { return nil }
    return value
  }

  /// For messages: the value itself if it is short, else what kind it is.
  var shortText: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let value): Int(exactly: value).map { "\($0)" } ?? "\(value)"
    case .string(let value): value.count <= 60 ? "\"\(value)\"" : "a long text"
    case .array(let values):
      values.count <= 4
        ? "[\(values.map(\.shortText).joined(separator: ", "))]" : "a list of \(values.count)"
    case .object(let members): members["class_name"]?.shortText ?? "an object"
    }
  }
}
