import Glibc
import Wire

/// Reads standard input or a file: JSON lines, plain text handed on as it is read, or rows of
/// numbers.
struct TextInput: InputSource {
  package struct Options: Sendable {
    /// The stream of plain text and of JSON lines without a name.
    var stream: StreamID
    /// Lines that start with `{` are text too.
    var isTextOnly = false
    /// A newline is a character of the text, not only the end of a line.
    var keepsNewlines = false
    /// Each line is one row of numbers.
    var isCSV = false
    /// Whether the pipeline takes text.
    var takesText = true
  }

  let descriptor: Int32?
  private let source: Int32
  private let options: Options
  /// Called with each line that cannot be read; other lines go on.
  private let report: (_ line: Int, _ message: String) -> Void
  /// A JSON or CSV line whose end has not come.
  private var partial: [UInt8] = []
  private var isAtLineStart = true
  private var isInText = false
  /// Whether text ended in a carriage return that a line feed may follow.
  private var holdsReturn = false
  /// The last line of text that was reported to a pipeline that takes none.
  private var reportedLine = 0
  private var lineNumber = 1
  private var buffer = [UInt8](repeating: 0, count: 64 * 1024)

  /// A line longer than this is given up.
  private static let lineBytesMax = 8 << 20

  init(
    descriptor: Int32, options: Options, report: @escaping (_ line: Int, _ message: String) -> Void
  ) {
    self.descriptor = descriptor
    source = descriptor
    self.options = options
    self.report = report
  }

  mutating func next() throws -> [InputLine]? {
    let count = read(source, &buffer, buffer.count)
    if count < 0 {
      guard errno == EINTR || errno == EAGAIN else {
        throw TextFile.Failure.unreadable(
          path: "standard input", expected: "text or lines from a file or a pipe", code: errno)
      }
      return []
    }
    guard count > 0 else {
      if holdsReturn {
        holdsReturn = false
        return [InputLine(stream: options.stream, payload: .text([0x0d]))]
      }
      guard !partial.isEmpty else { return nil }
      let line = partial
      partial = []
      return finishLine(line).map { [$0] } ?? nil
    }
    var lines: [InputLine] = []
    var start = 0
    while start < count { start = consume(from: start, to: count, into: &lines) }
    return lines
  }

  /// Takes one line, or as much of it as is there; returns where the next begins.
  private mutating func consume(
    from start: Int, to count: Int, into lines: inout [InputLine]
  ) -> Int {
    if isAtLineStart {
      isInText = !options.isCSV && (options.isTextOnly || buffer[start] != UInt8(ascii: "{"))
      isAtLineStart = false
    }
    let newline = buffer[start..<count].firstIndex(of: 0x0a)
    let end = newline ?? count
    if isInText {
      appendText(start, newline.map { $0 + 1 } ?? count, newline != nil, &lines)
    } else {
      partial.append(contentsOf: buffer[start..<end])
      if partial.count > TextInput.lineBytesMax {
        report(lineNumber, "longer than \(TextInput.lineBytesMax) bytes")
        partial.removeAll()
      } else if newline != nil {
        let line = partial
        partial.removeAll(keepingCapacity: true)
        if let line = finishLine(line) { lines.append(line) }
      }
    }
    guard newline != nil else { return count }
    lineNumber += 1
    isAtLineStart = true
    return end + 1
  }

  private mutating func appendText(
    _ start: Int, _ end: Int, _ hasNewline: Bool, _ lines: inout [InputLine]
  ) {
    guard options.takesText else {
      if end - start > (hasNewline ? 1 : 0), reportedLine != lineNumber {
        reportedLine = lineNumber
        report(lineNumber, "plain text, but this pipeline takes numbers; send JSON lines, or --csv")
      }
      return
    }
    // However the line ends, it ends the same: a carriage return waits for what follows it.
    var text = (holdsReturn ? [0x0d] : []) + Array(buffer[start..<(hasNewline ? end - 1 : end)])
    let endsInReturn = text.last == 0x0d
    if endsInReturn { text.removeLast() }
    holdsReturn = endsInReturn && !hasNewline
    if hasNewline, options.keepsNewlines { text.append(0x0a) }
    guard !text.isEmpty else { return }
    if case .text(let before)? = lines.last?.payload, lines.last?.stream == options.stream,
      lines.last?.end == false
    {
      lines[lines.count - 1].payload = .text(before + text)
    } else {
      lines.append(InputLine(stream: options.stream, payload: .text(text)))
    }
  }

  private func finishLine(_ bytes: [UInt8]) -> InputLine? {
    guard bytes.contains(where: { $0 > 0x20 }) else { return nil }
    do {
      if options.isCSV { return try csvLine(bytes) }
      return try bytes.withUnsafeBytes { try InputLine(json: $0, fallback: options.stream) }
    } catch {
      report(lineNumber, "\(error)")
    }
    return nil
  }

  private func csvLine(_ bytes: [UInt8]) throws(JSONError) -> InputLine {
    var values: [Float] = []
    let text = String(decoding: bytes, as: UTF8.self)
    for field in text.split(separator: ",", omittingEmptySubsequences: false) {
      let field = String(
        field.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
      // A field without anything is a missing value.
      guard let value = field.isEmpty ? Float.nan : Float(field) else {
        throw JSONError(
          byte: 0,
          reason: "column \(values.count + 1) is \(JSONText.quoted(field)), expected a number")
      }
      values.append(value)
    }
    return InputLine(stream: options.stream, payload: .values(values, width: values.count))
  }
}
