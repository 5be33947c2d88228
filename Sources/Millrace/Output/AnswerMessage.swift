import Wire

/// The rows of an answer, copied out of a message: libzmq does not align what came over tcp or ipc.
package struct AnswerMessage {
  private var header: Header
  private var values: [Float]
  private var ids: [Int32]

  init(_ message: InboundMessage) {
    self.init(message.header, payload: message.payload, ids: message.ids)
  }

  init(_ header: Header, payload: UnsafeRawBufferPointer, ids: UnsafeRawBufferPointer) {
    self.header = header
    values = Array(copying: payload)
    self.ids = Array(copying: ids)
  }

  /// Without its first rows.
  func dropping(_ rows: Int) -> AnswerMessage {
    guard rows > 0 else { return self }
    var rest = self
    let count = min(rows, self.count)
    rest.header.number += UInt64(count)
    rest.header.count -= UInt32(count)
    rest.values.removeFirst(count * Int(header.width))
    rest.ids.removeFirst(min(count, ids.count))
    return rest
  }

  package var count: Int { Int(header.count) }

  /// Values a row.
  var width: Int { Int(header.width) }

  /// Whether the stream ends with it.
  var isLast: Bool { header.flags.contains(.last) }

  func number(of row: Int) -> UInt64 { header.number + UInt64(row) }

  /// Calls `body` with a row's output vector.
  func withRow<Result>(
    _ row: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    let width = Int(header.width)
    return try values.withUnsafeBufferPointer {
      try body(UnsafeBufferPointer(rebasing: $0[row * width..<(row + 1) * width]))
    }
  }

  /// The token id of a row's step; nil in pipelines without text.
  func token(of row: Int) -> Int32? { row < ids.count ? ids[row] : nil }

  /// Whether only the stream's end made this row due.
  func isEnd(_ row: Int) -> Bool { header.flags.contains(.last) && row == count - 1 }
}

extension Array where Element: BitwiseCopyable {
  /// The values that a message's bytes hold; a rest shorter than one value is left out.
  init(copying bytes: UnsafeRawBufferPointer) {
    let count = bytes.count / MemoryLayout<Element>.stride
    // With no room, the standard library writes a count of 0 into the empty array that all threads
    // share: harmless, but the thread sanitizer calls it a race.
    guard count > 0 else {
      self = []
      return
    }
    self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes.prefix(count * MemoryLayout<Element>.stride)))
      initialized = count
    }
  }
}
