import Wire

/// A JSON object that is written key by key.
struct ControlFields {
  private(set) var text = ""

  mutating func put(_ key: String, _ value: String) { put(key, json: JSONText.quoted(value)) }

  mutating func put(_ key: String, _ value: UInt64) { put(key, json: "\(value)") }

  mutating func put(_ key: String, _ value: Int) { put(key, json: "\(value)") }

  mutating func put(_ key: String, _ value: Bool) { put(key, json: "\(value)") }

  /// A value that is JSON already.
  mutating func put(_ key: String, json value: String) {
    text += text.isEmpty ? "" : ","
    text += "\(JSONText.quoted(key)):\(value)"
  }

  var object: String { "{\(text)}" }
}

/// What the control socket says to one request, or a part of it.
struct ControlReply {
  var fields = ControlFields()
  /// Bytes behind the JSON; nil for none.
  var attachment: [UInt8]?
  /// Whether more replies to the same request follow.
  var hasMore = false
}
