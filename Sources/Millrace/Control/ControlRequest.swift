import Wire

/// A request to the control socket: one flat JSON object, `{"do":"streams.show","stream":"cam-1"}`.
struct ControlRequest {
  enum Value: Equatable {
    case text(String)
    case number(UInt64)
    case flag(Bool)
  }

  let verb: ControlVerb
  /// Keys that were given, beside `do` and `id`; `null` is not given.
  private let values: [String: Value]
  /// The part behind the JSON; empty for none.
  let attachment: [UInt8]

  /// Reads a request.
  ///
  /// `id` is set as soon as it is known, so that a refusal can carry it: JSON, as it came.
  init(
    _ json: UnsafeRawBufferPointer, attachment: [UInt8], id: inout String?
  ) throws(ControlRefusal) {
    guard json.count <= Limits.controlRequestBytes else {
      throw ControlRefusal(
        .tooLarge,
        "the request has \(json.count) bytes of JSON, expected at most \(Limits.controlRequestBytes)"
      )
    }
    var values: [String: Value] = [:]
    var identifier: Value?
    var reader = JSONReader(json, maximumDepth: 1)
    do {
      try reader.object { (key, reader) throws(JSONError) in
        let value = try ControlRequest.value(from: &reader)
        if key == "id" { identifier = value } else { values[key] = value }
      }
      try reader.finish()
    } catch {
      throw ControlRefusal(
        .badRequest,
        "the request is not one flat JSON object such as {\"do\":\"streams.list\"}: \(error)")
    }
    id = identifier.map(\.json)
    guard let name = values.removeValue(forKey: "do") else {
      throw ControlRefusal(.badRequest, "the request has no \"do\", which names a verb")
    }
    guard case .text(let name) = name, let verb = ControlVerb(rawValue: name) else {
      throw ControlRequest.unknownVerb(name)
    }
    self.verb = verb
    self.values = values
    self.attachment = attachment
    for key in values.keys.sorted() where !verb.keys.contains(key) {
      let near = NearestName.of(key, among: verb.keys)
      let known = verb.keys.isEmpty ? "none" : verb.keys.joined(separator: ", ")
      throw ControlRefusal(
        .unknownKey,
        "\(name) has no key \(JSONText.quoted(key)), expected \(known)"
          + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
    }
  }

  private static func unknownVerb(_ name: Value) -> ControlRefusal {
    guard case .text(let name) = name else {
      return ControlRefusal(.badRequest, "\"do\" is \(name.json), expected a verb's name")
    }
    let verbs = ControlVerb.allCases.map(\.rawValue)
    let near = NearestName.of(name, among: verbs)
    return ControlRefusal(
      .unknownVerb,
      "there is no verb \(JSONText.quoted(name))"
        + (near.map { "; did you mean \"\($0)\"?" }
          ?? ", expected one of \(verbs.joined(separator: ", "))"))
  }

  private static func value(from reader: inout JSONReader) throws(JSONError) -> Value? {
    switch reader.peek() {
    case UInt8(ascii: "\""): return .text(try reader.string())
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .flag(try reader.boolean())
    case UInt8(ascii: "n"):
      try reader.null()
      return nil
    default: return .number(try reader.unsignedInteger())
    }
  }

  // MARK: Values

  /// - Throws: a `bad-request` for a value of another kind.
  func text(_ key: String) throws(ControlRefusal) -> String? {
    switch values[key] {
    case .none: return nil
    case .text(let text): return text
    case .some(let other): throw wrongKind(key, other, "text")
    }
  }

  func number(_ key: String) throws(ControlRefusal) -> UInt64? {
    switch values[key] {
    case .none: return nil
    case .number(let number): return number
    case .some(let other): throw wrongKind(key, other, "a whole number of 0 or more")
    }
  }

  func flag(_ key: String) throws(ControlRefusal) -> Bool {
    switch values[key] {
    case .none: return false
    case .flag(let flag): return flag
    case .some(let other): throw wrongKind(key, other, "true or false")
    }
  }

  /// The stream that a key names, which has to be there.
  func stream(_ key: String = "stream") throws(ControlRefusal) -> StreamID {
    guard let name = try text(key) else {
      throw ControlRefusal(.badRequest, "\(verb.rawValue) needs \"\(key)\", a stream's name")
    }
    guard let id = StreamID(name) else {
      throw ControlRefusal(
        .badRequest,
        "\"\(key)\" is \(JSONText.quoted(String(name.prefix(64)))), expected 1 to 128 of "
          + "A-Z a-z 0-9 . _ : @ -")
    }
    return id
  }

  private func wrongKind(_ key: String, _ value: Value, _ expected: String) -> ControlRefusal {
    ControlRefusal(.badRequest, "\"\(key)\" is \(value.json), expected \(expected)")
  }
}

extension ControlRequest.Value {
  var json: String {
    switch self {
    case .text(let text): JSONText.quoted(String(text.prefix(200)))
    case .number(let number): "\(number)"
    case .flag(let flag): "\(flag)"
    }
  }
}
