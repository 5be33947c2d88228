/// How far a stream's answers have been written by the sink stage.
package struct WrittenAnswers: Equatable, Sendable {
  package var life: UInt64
  /// The next answer's number.
  package var next: UInt64
  /// Whether its last answer was written.
  package var isEnded: Bool

  package init(life: UInt64, next: UInt64 = 0, isEnded: Bool = false) {
    self.life = life
    self.next = next
    self.isEnded = isEnded
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(life)
    writer.put(next)
    writer.put(UInt8(isEnded ? 1 : 0))
    return writer.bytes
  }

  package init(bytes: [UInt8]) throws {
    var reader = ByteReader(bytes[...])
    life = try reader.take()
    next = try reader.take()
    isEnded = try reader.take(UInt8.self) != 0
  }
}
