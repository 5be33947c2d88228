/// How far a stream's answers have been written by the sink stage.
package struct WrittenAnswers: Equatable, Sendable {
  package var life: UInt64
  /// The next answer's number.
  package var next: UInt64
  /// Whether its last answer was written.
  package var isEnded: Bool

  /// What the alarm rule remembers, in its portable form; empty without one.
  package var alarm: [UInt8] = []

  package init(life: UInt64, next: UInt64 = 0, isEnded: Bool = false) {
    self.life = life
    self.next = next
    self.isEnded = isEnded
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    write(to: &writer)
    return writer.bytes
  }

  private func write(to writer: inout ByteWriter) {
    writer.put(life)
    writer.put(next)
    writer.put(UInt8(isEnded ? 1 : 0))
    writer.put(counted: alarm)
  }

  package init(bytes: [UInt8]) throws {
    var reader = ByteReader(bytes[...])
    life = try reader.take()
    next = try reader.take()
    isEnded = try reader.take(UInt8.self) != 0
    alarm = Array(try reader.takeCounted())
  }

  /// Of one stream, in a group.
  package struct Record: Equatable, Sendable {
    package var stream: String
    package var written: WrittenAnswers

    package init(stream: String, written: WrittenAnswers) {
      self.stream = stream
      self.written = written
    }
  }

  static func group(_ records: [Record]) -> [UInt8] {
    var writer = ByteWriter()
    for record in records {
      writer.put(counted: record.stream.utf8)
      writer.putCounted { record.written.write(to: &$0) }
    }
    return writer.bytes
  }

  static func records(of group: [UInt8]) throws -> [Record] {
    var reader = ByteReader(group[...])
    var records: [Record] = []
    while !reader.isAtEnd {
      let stream = String(decoding: try reader.takeCounted(), as: UTF8.self)
      records.append(
        Record(stream: stream, written: try WrittenAnswers(bytes: Array(reader.takeCounted()))))
    }
    return records
  }
}
