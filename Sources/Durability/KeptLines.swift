/// Output lines of one stream that were written together, kept for readers who come late:
/// `state.history` of a pipeline file.
///
/// The rows of a life join without gaps: each begins where the one before it ends.
package struct KeptLines: Equatable, Sendable {
  package struct Line: Equatable, Sendable {
    /// The answer's number.
    package var number: UInt64
    /// The output line, with its newline.
    package var text: [UInt8]

    package init(number: UInt64, text: [UInt8]) {
      self.number = number
      self.text = text
    }
  }

  package var stream: String
  package var life: UInt64
  /// The first number that the lines cover; below that of the first line where answers are rarer
  /// than steps.
  package var first: UInt64
  /// One past the last number.
  package var next: UInt64
  package var lines: [Line]

  package init(stream: String, life: UInt64, first: UInt64, next: UInt64, lines: [Line]) {
    self.stream = stream
    self.life = life
    self.first = first
    self.next = next
    self.lines = lines
  }

  var body: [UInt8] {
    var writer = ByteWriter()
    for line in lines {
      writer.put(line.number)
      writer.put(counted: line.text)
    }
    return writer.bytes
  }

  static func lines(of body: [UInt8]) throws -> [Line] {
    var reader = ByteReader(body[...])
    var lines: [Line] = []
    while !reader.isAtEnd {
      lines.append(
        Line(number: try reader.take(), text: Array(try reader.takeCounted())))
    }
    return lines
  }
}

/// A place in the lines of one stream.
package struct KeptPlace: Equatable, Sendable {
  package var life: UInt64
  package var number: UInt64

  package init(life: UInt64, number: UInt64) {
    self.life = life
    self.number = number
  }
}
