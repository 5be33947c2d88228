/// A received message, its parts still where they were received.
///
/// Valid as long as those bytes are: with libzmq, until the next receive.
package struct InboundMessage {
  /// Nil for kinds that may come without one.
  package let stream: StreamID?
  package let header: Header
  package let payload: UnsafeRawBufferPointer
  /// The token ids of an answer's steps; in data with START the state to begin with.
  package let ids: UnsafeRawBufferPointer
  package let note: UnsafeRawBufferPointer
  package let isFriendly: Bool

  package static let noteBytesMax = 1024

  /// Reads and checks the parts behind the routing identity.
  ///
  /// - Parameters:
  ///   - partCount: how many there are.
  ///   - byteCountMax: what all of them may have together.
  ///   - part: gives the bytes of one; asked only for parts 0 to 4.
  /// - Throws: a `WireError` with the code that the message is refused with.
  package init(
    partCount: Int, byteCountMax: Int, part: (Int) -> UnsafeRawBufferPointer
  ) throws(WireError) {
    guard (2...5).contains(partCount) else {
      throw WireError(.badHeader, "the message has \(partCount) parts", expected: "2 to 5")
    }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    let name = part(0)
    let headerBytes = part(1)
    payload = partCount > 2 ? part(2) : nothing
    ids = partCount > 3 ? part(3) : nothing
    note = partCount > 4 ? part(4) : nothing
    isFriendly = FriendlyHeader.matches(headerBytes)
    header =
      isFriendly
      ? try FriendlyHeader.decode(headerBytes, payloadByteCount: payload.count)
      : try Header(bytes: headerBytes)
    stream = StreamID(bytes: name)
    guard stream != nil || (name.isEmpty && header.kind.allowsEmptyStream) else {
      let shown = JSONText.quoted(String(decoding: name.prefix(64), as: UTF8.self))
      throw WireError(
        .badName, "the stream is named \(shown)",
        expected: "1 to 128 of A-Z a-z 0-9 . _ : @ -")
    }
    try checkSizes(byteCountMax: byteCountMax, headerBytes: headerBytes.count)
    try checkForm()
  }

  private func checkSizes(byteCountMax: Int, headerBytes: Int) throws(WireError) {
    let byteCount = headerBytes + payload.count + ids.count + note.count
    guard byteCount <= byteCountMax else {
      throw WireError(
        .tooLarge, "the message has \(byteCount) bytes", expected: "at most \(byteCountMax)")
    }
    guard note.count <= InboundMessage.noteBytesMax else {
      throw WireError(
        .tooLarge, "the note has \(note.count) bytes",
        expected: "at most \(InboundMessage.noteBytesMax)")
    }
    try header.checkPayload(byteCount: payload.count)
    guard mayHaveState else {
      guard ids.isEmpty || (header.kind == .answer && ids.count == Int(header.count) * 4) else {
        throw WireError(
          .badLength, "the ids have \(ids.count) bytes",
          expected: header.kind == .answer ? "0 or \(Int(header.count) * 4)" : "0")
      }
      return
    }
    guard ids.count.isMultiple(of: 4) else {
      throw WireError(
        .badLength, "the state has \(ids.count) bytes", expected: "4 for each number")
    }
  }

  /// Whether `ids` holds the state that a stream begins with: f32, h and c row by row.
  ///
  /// Between stages a PEEK at a stream whose first step is still to come has it too.
  private var mayHaveState: Bool {
    header.kind == .data
      && (header.flags.contains(.start) || header.flags.isSuperset(of: [.peek, .reset]))
  }

  /// Counts that the element type or the kind fixes.
  private func checkForm() throws(WireError) {
    switch header.elementType {
    case .none where header.count != 0:
      throw WireError(.badHeader, "\(header.count) elements without a dtype", expected: "count 0")
    case .text where header.width != 1 && header.count > 0:
      throw WireError(.badHeader, "text of width \(header.width)", expected: "width 1")
    default: break
    }
    if (2...8).contains(header.kind.rawValue), header.elementType != .none, header.count != 1 {
      throw WireError(
        .badHeader, "\(header.kind.name) with count \(header.count)", expected: "count 1")
    }
    guard !note.isEmpty else { return }
    var reader = JSONReader(note)
    do {
      try reader.object { (_, reader) throws(JSONError) in try reader.skip() }
      try reader.finish()
    } catch {
      throw WireError(.badHeader, "the note, \(error)", expected: "one JSON object")
    }
  }
}
