import Wire

/// One line of input: `{"stream","number"?,"text"|"tokens"|"values","end"?,"reset"?}`.
///
/// `values` is one step's numbers, or a list of steps. Other keys are ignored, so that recordings
/// can carry labels and notes of their own.
package struct InputLine: Equatable, Sendable {
  package enum Payload: Equatable, Sendable {
    case none
    case text([UInt8])
    case tokens([Int32])
    /// Row-major, `width` values a step.
    case values([Float], width: Int)
  }

  package var stream: StreamID
  package var number: UInt64?
  package var payload = Payload.none
  package var start = false
  package var end = false
  package var reset = false

  package init(stream: StreamID, payload: Payload = .none) {
    self.stream = stream
    self.payload = payload
  }

  /// Reads a JSON line; `fallback` names the stream of a line that does not.
  ///
  /// - Throws: a `JSONError` naming the byte.
  package init(json: UnsafeRawBufferPointer, fallback: StreamID?) throws(JSONError) {
    var reader = JSONReader(json, maximumDepth: 64)
    var name: String?
    var number: UInt64?
    var flags = (start: false, end: false, reset: false)
    var payloads: [Payload] = []
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "stream": name = try reader.string()
      case "number": number = try reader.unsignedInteger()
      case "text": payloads.append(.text(Array(try reader.string().utf8)))
      case "tokens": payloads.append(try InputLine.tokens(&reader))
      case "values": payloads.append(try InputLine.values(&reader))
      case "start": flags.start = try reader.boolean()
      case "end": flags.end = try reader.boolean()
      case "reset": flags.reset = try reader.boolean()
      default: try reader.skip()
      }
    }
    try reader.finish()
    guard payloads.count <= 1 else {
      throw reader.error("text, tokens and values exclude each other; keep one")
    }
    guard let stream = name.map(StreamID.init) ?? fallback else {
      throw reader.error(
        name.map {
          "the stream is named \(JSONText.quoted($0)), expected 1 to 128 of A-Z a-z 0-9 . _ : @ -"
        }
          ?? "no \"stream\"")
    }
    self.init(stream: stream, payload: payloads.first ?? .none)
    self.number = number
    (start, end, reset) = flags
  }

  private static func tokens(_ reader: inout JSONReader) throws(JSONError) -> Payload {
    var ids: [Int32] = []
    try reader.array { (reader) throws(JSONError) in
      let id = try reader.unsignedInteger()
      guard let id = Int32(exactly: id) else { throw reader.error("token id \(id) is too large") }
      ids.append(id)
    }
    return .tokens(ids)
  }

  private static func values(_ reader: inout JSONReader) throws(JSONError) -> Payload {
    var values: [Float] = []
    var width: Int?
    func row(_ reader: inout JSONReader) throws(JSONError) {
      let before = values.count
      try reader.array { (reader) throws(JSONError) in values.append(try reader.float()) }
      guard width == nil || width == values.count - before else {
        throw reader.error("rows of \(width ?? 0) and of \(values.count - before) values")
      }
      width = values.count - before
    }
    try reader.array { (reader) throws(JSONError) in
      if reader.peek() == UInt8(ascii: "[") {
        guard width != nil || values.isEmpty else { throw reader.error("a list among numbers") }
        try row(&reader)
      } else {
        guard width == nil else { throw reader.error("a number among lists") }
        values.append(try reader.float())
      }
    }
    return .values(values, width: width ?? values.count)
  }

  /// What the line takes of the credit: bytes of text, or steps.
  var units: Int {
    switch payload {
    case .none: 0
    case .text(let bytes): bytes.count
    case .tokens(let ids): ids.count
    case .values(let values, let width): width == 0 ? 0 : values.count / width
    }
  }
}
