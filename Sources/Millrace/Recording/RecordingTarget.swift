import Glibc
import Wire

/// One file of a recording, in the form that its name asks for.
final class RecordingTarget {
  let isCompact: Bool
  private let writer: LineWriter
  private let format: AnswerFormat
  private let writesTimes: Bool
  private var encoder = CompactRecordingEncoder()

  init(_ path: String, format: AnswerFormat, writesTimes: Bool, replaces: Bool) throws {
    isCompact = path.hasSuffix(RecordingFile.compactSuffix)
    self.format = format
    self.writesTimes = writesTimes
    if access(path, F_OK) == 0 {
      guard replaces else {
        throw FileFailure("\(path) exists; name another file, or say --force")
      }
      guard truncate(path, 0) == 0 else {
        throw LineWriter.Failure(target: path, code: errno)
      }
    }
    guard let writer = try LineWriter(.file(path)) else {
      preconditionFailure("a file has a writer")
    }
    self.writer = writer
    if isCompact { writer.buffer += CompactRecording.magic }
  }

  func append(_ entry: StreamRecorder.Entry) throws {
    switch (entry, isCompact) {
    case (.input(let line), true): encoder.append(line)
    case (.answers(let stream, let rows), true): encoder.append(rows, of: stream)
    case (.input(let line), false): line.append(to: &writer.buffer, writesTimes: writesTimes)
    case (.answers(let stream, let rows), false):
      for row in 0..<rows.count {
        rows.withRow(row) {
          format.appendLine(
            stream: stream, number: rows.number(of: row), token: rows.token(of: row), row: $0,
            isEnd: rows.isEnd(row), to: &writer.buffer)
        }
      }
    }
    if encoder.isBlockFull || writer.buffer.count > CompactRecording.blockBytes { try flush() }
  }

  func flush() throws {
    writer.buffer += encoder.takeBlock()
    try writer.flush()
    // Nobody's pace depends on a recorder: it does not wait for room.
    try writer.checkRoom()
  }
}
