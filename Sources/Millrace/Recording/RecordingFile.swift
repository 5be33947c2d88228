import Wire

/// Recordings as files: JSON Lines, or the compact form, which is known by its first bytes.
package enum RecordingFile {
  /// Names that end so are written in the compact form.
  package static let compactSuffix = ".mrrec"

  /// The recorded input, in the order in which it came.
  ///
  /// - Throws: a `TextFile.Failure`, or a `BadLine` that names the line or the block.
  static func inputs(of path: String) throws -> [InputLine] {
    let expected = "a recording, one JSON object a line, or one of the compact form"
    let content = try FileBytes(readingFrom: path, expecting: expected)
    guard content.bytes.starts(with: CompactRecording.magic) else {
      let file = try TextFile(content, expecting: expected)
      let lines = try InputLine.lines(of: file)
      for (index, line) in lines.enumerated() where !line.fitsMessage {
        throw BadLine(
          content.path,
          "line of input \(index + 1): one step of more than \(Limits.messageBytes) bytes")
      }
      return try filled(lines, content.path)
    }
    var decoder = try CompactRecordingDecoder(content.bytes, path: content.path)
    var lines: [InputLine] = []
    while let entry = try decoder.next() {
      guard case .input(let line) = entry else { continue }
      guard line.fitsMessage else {
        throw BadLine(
          content.path,
          "input \(lines.count + 1): one step of more than \(Limits.messageBytes) bytes")
      }
      lines.append(line)
    }
    return try filled(lines, content.path)
  }

  private static func filled(_ lines: [InputLine], _ path: String) throws -> [InputLine] {
    guard !lines.isEmpty else {
      throw BadLine(
        path, "holds no input; expected lines as pipe takes them, or what record --output wrote")
    }
    return lines
  }

  /// The recorded answers as output lines, stream by stream; `format` writes those of the compact
  /// form.
  ///
  /// - Throws: as `inputs(of:)`.
  static func answers(of path: String, format: AnswerFormat) throws -> [StreamID: [String]] {
    let expected = "output lines to compare with, or a recording of the compact form"
    let content = try FileBytes(readingFrom: path, expecting: expected)
    guard content.bytes.starts(with: CompactRecording.magic) else {
      let lines = try AnswerLine.byStream(try TextFile(content, expecting: expected))
      return try filled(lines, content.path)
    }
    var decoder = try CompactRecordingDecoder(content.bytes, path: content.path)
    let collector = LineCollector(format: format)
    while let entry = try decoder.next() {
      guard case .answers(let stream, let rows) = entry else { continue }
      guard format.fits(width: rows.width) else {
        throw BadLine(
          content.path,
          "stream \(stream): answers of \(rows.width) values, expected \(format.labelNames.count), "
            + "one for each label of the pipeline")
      }
      collector.append(rows, of: stream)
    }
    return try filled(collector.lines, content.path)
  }

  private static func filled(
    _ lines: [StreamID: [String]], _ path: String
  ) throws -> [StreamID: [String]] {
    guard !lines.isEmpty else {
      throw BadLine(
        path,
        "holds no answers to compare with; record --answers writes them, in the compact form "
          + "into the same file")
    }
    return lines
  }
}

extension InputLine {
  /// Whether one of its steps can be sent at all.
  fileprivate var fitsMessage: Bool {
    guard case .values(_, let width) = payload else { return true }
    return width <= (Limits.messageBytes - 1024) / 4
  }
}

extension [InputLine] {
  /// Streams that were open when their recording ended: their answers are only the first.
  var openStreams: Set<StreamID> { Set(lazy.filter(\.isOpenMark).map(\.stream)) }
}
