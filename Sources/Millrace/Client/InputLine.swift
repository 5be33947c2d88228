import Wire

/// One line of input: `{"stream","number"?,"text"|"bytes"|"tokens"|"values","state"?,"end"?,"reset"?}`.
///
/// `state` begins the stream with h and c in the place of zeros, row after row. `bytes` is text that
/// is no UTF-8 by itself, as two hexadecimal digits a byte. `values` is one step's numbers, null where
/// one is missing, or a list of steps. Other keys beside these are ignored, so that
/// recordings can carry labels and notes of their own; a line that has nothing but others is an
/// error, and so is one whose payload seems to stand under a misspelt key.
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
  /// The h and c to begin with; empty for zeros.
  package var state: [Float] = []
  /// When it came, in microseconds since its recording began (`at`, in seconds); nil where that is
  /// not known.
  package var microseconds: UInt64?
  /// Whether it says no more than that the stream was open when its recording ended.
  package var isOpenMark = false

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
    var flags = (start: false, end: false, reset: false, open: false)
    var seconds: Double?
    var payloads: [Payload] = []
    var state: [Float] = []
    var unknown: [String] = []
    var isEmpty = true
    try reader.object { (key, reader) throws(JSONError) in
      isEmpty = isEmpty && !InputLine.meaning.contains(key)
      switch key {
      case "stream": name = try reader.string()
      case "number": number = try reader.unsignedInteger()
      case "text": payloads.append(.text(Array(try reader.string().utf8)))
      case "bytes": payloads.append(.text(try InputLine.bytes(&reader)))
      case "tokens": payloads.append(try InputLine.tokens(&reader))
      case "values": payloads.append(try InputLine.values(&reader))
      case "state": state = try InputLine.state(&reader)
      case "start": flags.start = try reader.boolean()
      case "end": flags.end = try reader.boolean()
      case "reset": flags.reset = try reader.boolean()
      case "open": flags.open = try reader.boolean()
      case "at": seconds = try InputLine.time(&reader)
      default:
        unknown.append(key)
        try reader.skip()
      }
    }
    try reader.finish()
    if payloads.isEmpty, let problem = InputLine.problem(with: unknown, isEmpty: isEmpty) {
      throw reader.error(problem)
    }
    guard payloads.count <= 1 else {
      throw reader.error("text, bytes, tokens and values exclude each other; keep one")
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
    (start, end, reset, isOpenMark) = flags
    self.state = state
    microseconds = seconds.map { UInt64($0 * 1e6) }
    guard !isOpenMark || payload == .none && !start && !end && !reset && state.isEmpty else {
      throw reader.error("\"open\" stands on a line of its own")
    }
  }

  private static let payloadKeys = ["text", "bytes", "tokens", "values"]
  /// Keys that ask for something.
  private static let meaning = payloadKeys + ["start", "end", "reset", "state", "open"]

  /// What is wrong with a line that has no payload; nil where it is a bare START, END or RESET.
  private static func problem(with unknown: [String], isEmpty: Bool) -> String? {
    let known = meaning + ["stream", "number"]
    for key in unknown {
      guard let near = NearestName.of(key, among: known) else { continue }
      if isEmpty || payloadKeys.contains(near) {
        return "unknown key \(JSONText.quoted(key)); did you mean \"\(near)\"?"
      }
    }
    guard isEmpty else { return nil }
    let found = unknown.first.map { "unknown key \(JSONText.quoted($0)) and " } ?? ""
    return "\(found)none of text, tokens, values, start, end, reset and state; nothing to do"
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

  /// Two hexadecimal digits a byte.
  private static func bytes(_ reader: inout JSONReader) throws(JSONError) -> [UInt8] {
    let digits = try reader.string().utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2), digits.allSatisfy({ $0 != nil }) else {
      throw reader.error("bytes are two hexadecimal digits each")
    }
    let values = digits.compactMap { $0 }
    return stride(from: 0, to: values.count, by: 2).map {
      UInt8(values[$0] << 4 | values[$0 + 1])
    }
  }

  /// Seconds since a recording began.
  private static func time(_ reader: inout JSONReader) throws(JSONError) -> Double {
    let seconds = try reader.double()
    guard (0..<1e9).contains(seconds) else {
      throw reader.error("\"at\" is \(seconds), expected seconds since the recording began")
    }
    return seconds
  }

  /// A number; null is a missing one.
  private static func number(_ reader: inout JSONReader) throws(JSONError) -> Float {
    guard reader.peek() == UInt8(ascii: "n") else { return try reader.float() }
    try reader.null()
    return .nan
  }

  /// The rows of h and c, in one list or a list each.
  private static func state(_ reader: inout JSONReader) throws(JSONError) -> [Float] {
    var state: [Float] = []
    try reader.array { (reader) throws(JSONError) in
      guard reader.peek() == UInt8(ascii: "[") else { return state.append(try reader.float()) }
      try reader.array { (reader) throws(JSONError) in state.append(try reader.float()) }
    }
    return state
  }

  private static func values(_ reader: inout JSONReader) throws(JSONError) -> Payload {
    var values: [Float] = []
    var width: Int?
    func row(_ reader: inout JSONReader) throws(JSONError) {
      let before = values.count
      try reader.array { (reader) throws(JSONError) in values.append(try number(&reader)) }
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
        values.append(try number(&reader))
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

extension InputLine {
  /// The lines of a recording, each of which names its stream; empty ones are passed over.
  ///
  /// - Throws: a `BadLine` naming the line.
  package static func lines(of file: TextFile) throws(BadLine) -> [InputLine] {
    var lines: [InputLine] = []
    for (index, text) in file.lines.enumerated() where !text.allSatisfy(\.isWhitespace) {
      var text = text
      do {
        lines.append(
          try text.withUTF8 { try InputLine(json: UnsafeRawBufferPointer($0), fallback: nil) })
      } catch {
        throw BadLine(file.path, line: index + 1, "\(error)")
      }
    }
    return lines
  }
}
