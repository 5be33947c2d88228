import Synchronization
import Wire

/// Gathers a run's output lines, stream by stream.
final class LineCollector: Sendable {
  private struct Content {
    var lines: [StreamID: [String]] = [:]
    var alarmLines: [StreamID: [String]] = [:]
    var alarms: AlarmWatch?
    var refusals: [String] = []
  }

  private let state: Mutex<Content>
  private let format: AnswerFormat

  init(format: AnswerFormat, alarm: AlarmSetting? = nil) {
    self.format = format
    state = Mutex(Content(alarms: alarm.map(AlarmWatch.init)))
  }

  func append(_ rows: AnswerMessage, of stream: StreamID) {
    state.withLock { state in
      for row in 0..<rows.count {
        var line: [UInt8] = []
        rows.withRow(row) {
          format.appendLine(
            stream: stream, number: rows.number(of: row), token: rows.token(of: row), row: $0,
            isEnd: rows.isEnd(row), to: &line)
        }
        state.lines[stream, default: []].append(String(decoding: line.dropLast(), as: UTF8.self))
        let number = rows.number(of: row)
        let events = rows.withRow(row) { state.alarms?.take($0, number: number, of: stream) }
        LineCollector.keep(events ?? [], of: stream, in: &state)
      }
      if rows.isLast, let event = state.alarms?.end(stream) {
        LineCollector.keep([event], of: stream, in: &state)
      }
    }
  }

  private static func keep(
    _ events: [AlarmEvent], of stream: StreamID, in content: inout Content
  ) {
    for event in events {
      var line: [UInt8] = []
      content.alarms?.append([event], of: stream, to: &line)
      content.alarmLines[stream, default: []].append(
        String(decoding: line.dropLast(), as: UTF8.self))
    }
  }

  func refuse(_ stream: StreamID?, _ number: UInt64, _ refusal: Refusal) {
    state.withLock {
      $0.refusals.append(
        "stream \(stream?.name ?? "(none)") number \(number): \(refusal.code.rawValue): "
          + refusal.message)
    }
  }

  var lines: [StreamID: [String]] { state.withLock { $0.lines } }
  var alarmLines: [StreamID: [String]] { state.withLock { $0.alarmLines } }
  var refusals: [String] { state.withLock { $0.refusals } }
}
