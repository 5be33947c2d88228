import Synchronization
import Wire

/// Gathers a run's output lines, stream by stream.
final class LineCollector: Sendable {
  private let state = Mutex<(lines: [StreamID: [String]], refusals: [String])>(([:], []))
  private let format: AnswerFormat

  init(format: AnswerFormat) { self.format = format }

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
      }
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
  var refusals: [String] { state.withLock { $0.refusals } }
}
