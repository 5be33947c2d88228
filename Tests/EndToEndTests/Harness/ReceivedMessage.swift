import Wire

/// A message that a client was sent, copied out of libzmq.
struct ReceivedMessage {
  let stream: String
  let header: Header
  let isFriendly: Bool
  let payload: [UInt8]
  let ids: [UInt8]
  let note: [UInt8]

  /// Reads the parts, checking the header and the payload's length.
  init(parts: [[UInt8]]) throws {
    guard (2...5).contains(parts.count) else {
      throw HarnessError.unexpected("a message of \(parts.count) parts")
    }
    stream = String(decoding: parts[0], as: UTF8.self)
    let payload = parts.count > 2 ? parts[2] : []
    isFriendly = parts[1].first == UInt8(ascii: "{")
    if isFriendly {
      header = try parts[1].withUnsafeBytes {
        try FriendlyHeader.decode($0, payloadByteCount: payload.count)
      }
    } else {
      header = try parts[1].withUnsafeBytes { try Header(bytes: $0) }
    }
    try header.checkPayload(byteCount: payload.count)
    self.payload = payload
    ids = parts.count > 3 ? parts[3] : []
    note = parts.count > 4 ? parts[4] : []
  }

  var text: String { String(decoding: payload, as: UTF8.self) }
  var isLast: Bool { header.flags.contains(.last) }

  /// The rows of a binary answer.
  var rows: [[Float]] {
    let values = payload.loaded(as: Float.self)
    let width = Int(header.width)
    return (0..<Int(header.count)).map { Array(values[$0 * width..<($0 + 1) * width]) }
  }

  var tokenIDs: [Int32] { ids.loaded(as: Int32.self) }

  func refusal() throws -> Refusal {
    guard header.kind == .refuse else {
      throw HarnessError.unexpected("expected a refusal, received \(self)")
    }
    return try payload.withUnsafeBytes { try Refusal(payload: $0) }
  }

  /// The credit that it tells, if it tells one.
  func credit() throws -> UInt64? {
    switch header.kind {
    case .welcome: try payload.withUnsafeBytes { try Welcome(payload: $0).credit }
    case .credit, .acknowledge: try payload.withUnsafeBytes { try Credit(payload: $0).total }
    default: nil
    }
  }

  /// The note's sequence number, on published messages.
  func sequence() throws -> UInt64 {
    var sequence: UInt64?
    try note.withUnsafeBytes {
      var reader = JSONReader($0)
      try reader.object { (key, reader) throws(JSONError) in
        if key == "sequence" { sequence = try reader.unsignedInteger() } else { try reader.skip() }
      }
    }
    guard let sequence else { throw HarnessError.unexpected("no sequence in \(self)") }
    return sequence
  }
}

extension ReceivedMessage: CustomStringConvertible {
  var description: String {
    let content = header.elementType == .json ? text : "\(payload.count) bytes"
    return "\(header.kind.name) \(stream) number \(header.number) flags \(header.flags.rawValue): "
      + content
  }
}

extension [UInt8] {
  /// The values that the bytes hold, in the order of this machine, which is the wire's.
  func loaded<Value: BitwiseCopyable>(as _: Value.Type) -> [Value] {
    withUnsafeBytes { bytes in
      let size = MemoryLayout<Value>.size
      return (0..<count / size).map {
        bytes.loadUnaligned(fromByteOffset: $0 * size, as: Value.self)
      }
    }
  }

  /// The bytes of values.
  init<Value: BitwiseCopyable>(of values: [Value]) {
    self = values.withUnsafeBytes { Array($0) }
  }
}
