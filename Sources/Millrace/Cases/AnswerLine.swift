import Wire

/// An output line, read back for comparison.
struct AnswerLine: Equatable {
  var stream = StreamID(literal: "none")
  var number: UInt64 = 0
  /// Whether it says its number, as all output lines do.
  private var hasNumber = false
  var token: String?
  var label: String?
  var score: Float?
  var values: [Float]?
  var anomaly: Float?
  var isEnd = false
  /// `raised` or `cleared`, on the line of an alarm.
  var alarm: String?

  /// - Throws: a `JSONError` for a line that is none of ours.
  init(_ line: String) throws {
    var line = line
    try line.withUTF8 { try read(UnsafeRawBufferPointer($0)) }
  }

  /// The lines of a file, stream by stream; empty ones are passed over.
  ///
  /// - Throws: a `BadLine`.
  static func byStream(_ file: TextFile) throws -> [StreamID: [String]] {
    var lines: [StreamID: [String]] = [:]
    for (index, line) in file.lines.enumerated() where !line.isEmpty {
      do {
        let answer = try AnswerLine(line)
        guard answer.hasNumber else {
          throw BadLine(
            file.path, line: index + 1,
            "has no \"number\", so it is no answer; expected output lines, as pipe and "
              + "record --answers write them")
        }
        lines[answer.stream, default: []].append(line)
      } catch let line as BadLine {
        throw line
      } catch {
        throw BadLine(file.path, line: index + 1, "\(error)")
      }
    }
    return lines
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(JSONError) {
    var reader = JSONReader(bytes)
    var name: StreamID?
    try reader.object { (key, reader) throws(JSONError) in
      switch key {
      case "stream": name = StreamID(try reader.string())
      case "number":
        number = try reader.unsignedInteger()
        hasNumber = true
      case "token": token = try reader.string()
      case "label":
        if reader.peek() == UInt8(ascii: "n") {
          // No answer yet.
          try reader.null()
        } else {
          label = try reader.string()
        }
      case "score": score = try AnswerLine.float(&reader)
      case "anomaly": anomaly = try AnswerLine.float(&reader)
      case "alarm": alarm = try reader.string()
      case "end": isEnd = try reader.boolean()
      case "values":
        var list: [Float] = []
        try reader.array { (reader) throws(JSONError) in
          list.append(try AnswerLine.float(&reader))
        }
        values = list
      default: try reader.skip()
      }
    }
    try reader.finish()
    guard let name else { throw reader.error("no \"stream\"") }
    stream = name
  }

  /// `null` stands for a value that is not finite.
  private static func float(_ reader: inout JSONReader) throws(JSONError) -> Float {
    guard reader.peek() == UInt8(ascii: "n") else { return try reader.float() }
    try reader.null()
    return .nan
  }
}
