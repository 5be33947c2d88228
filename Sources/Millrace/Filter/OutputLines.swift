import Foundation
import Wire

/// Lines on standard output, and complaints on standard error; used by the filter's thread only.
final class OutputLines: @unchecked Sendable {  // why: one thread uses it, after init
  private let writer: LineWriter?
  private(set) var complaints: UInt64 = 0
  private var alarms: AlarmWatch?

  init(isPrinting: Bool, alarm: AlarmSetting?) throws {
    writer = try LineWriter(isPrinting ? .standardOutput : .none)
    alarms = alarm.map(AlarmWatch.init)
  }

  func append(_ rows: AnswerMessage, of stream: StreamID, format: AnswerFormat) throws {
    guard let writer else { return }
    for row in 0..<rows.count {
      rows.withRow(row) {
        format.appendLine(
          stream: stream, number: rows.number(of: row), token: rows.token(of: row), row: $0,
          isEnd: rows.isEnd(row), to: &writer.buffer)
        let events = alarms?.take($0, number: rows.number(of: row), of: stream) ?? []
        alarms?.append(events, of: stream, to: &writer.buffer)
      }
    }
    if rows.isLast, let event = alarms?.end(stream) {
      alarms?.append([event], of: stream, to: &writer.buffer)
    }
  }

  func flush() throws {
    try writer?.flush()
    try writer?.checkRoom()
  }

  func complain(_ message: String) {
    complaints += 1
    OutputLines.say(message)
  }

  /// What is no fault of the input, and does not change the exit code.
  static func say(_ message: String) {
    FileHandle.standardError.write(Data("millrace: \(message)\n".utf8))
  }
}
