/// The answer to a hello: where every named stream stands, and how much may be sent.
package struct Welcome: Equatable, Sendable {
  /// Where one stream stands.
  package struct Stream: Equatable, Sendable {
    /// The next input number; nil when the stream is unknown.
    package var expected: UInt64?
    package var closed: Bool
    /// The next answer's number.
    package var answers: UInt64
    /// Of its life: a lower one than the sender's is a life before.
    package var epoch: UInt64

    package init(expected: UInt64?, closed: Bool, answers: UInt64, epoch: UInt64 = 0) {
      self.expected = expected
      self.closed = closed
      self.answers = answers
      self.epoch = epoch
    }
  }

  package var streams: [String: Stream]
  /// Units that may be sent from now on; the sender's own count starts at 0 with this message.
  package var credit: UInt64
  /// The largest message.
  package var maximumBytes: Int
  /// SHA-256 of the model file, `sha256:` and 64 hexadecimal digits.
  package var model: String
  /// False when it comes without a hello: the connection is new to the receiving side, which has
  /// dropped what came by it and wants a hello first (links between stages).
  package var isGreeted: Bool

  package init(
    streams: [String: Stream], credit: UInt64, maximumBytes: Int, model: String,
    isGreeted: Bool = true
  ) {
    self.streams = streams
    self.credit = credit
    self.maximumBytes = maximumBytes
    self.model = model
    self.isGreeted = isGreeted
  }

  package var bytes: [UInt8] {
    let entries = streams.sorted { $0.key < $1.key }.map { name, stream in
      "\(JSONText.quoted(name)):{\"expected\":\(stream.expected.map(String.init) ?? "null"),"
        + "\"closed\":\(stream.closed),\"answers\":\(stream.answers),\"epoch\":\(stream.epoch)}"
    }
    return Array(
      ("{\"streams\":{\(entries.joined(separator: ","))},\"credit\":\(credit),"
        + "\"max_bytes\":\(maximumBytes),\"versions\":[1],\"model\":\(JSONText.quoted(model))"
        + (isGreeted ? "}" : ",\"greeted\":false}"))
        .utf8)
  }

  package init(payload: UnsafeRawBufferPointer) throws(JSONError) {
    self.init(streams: [:], credit: 0, maximumBytes: 0, model: "")
    var reader = JSONReader(payload)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "streams":
        try reader.object { (name, reader) throws(JSONError) in
          streams[name] = try Welcome.stream(from: &reader)
        }
      case "credit": credit = try reader.unsignedInteger()
      case "max_bytes": maximumBytes = Int(try reader.unsignedInteger())
      case "model": model = try reader.string()
      case "greeted": isGreeted = try reader.boolean()
      default: try reader.skip()
      }
    }
  }

  private static func stream(from reader: inout JSONReader) throws(JSONError) -> Stream {
    var stream = Stream(expected: nil, closed: false, answers: 0)
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "expected":
        if reader.peek() == UInt8(ascii: "n") {
          try reader.null()
        } else {
          stream.expected = try reader.unsignedInteger()
        }
      case "closed": stream.closed = try reader.boolean()
      case "answers": stream.answers = try reader.unsignedInteger()
      case "epoch": stream.epoch = try reader.unsignedInteger()
      default: try reader.skip()
      }
    }
    return stream
  }
}
