import Glibc

/// Recorded lines at their pace.
struct PacedSource: InputSource {
  private let lines: [InputLine]
  private let speed: ReplaySpeed
  private var position = 0
  private var steps = 0.0
  private let began = MonotonicClock.nanoseconds

  /// Lines handed on at once when there is no pace.
  private static let chunk = 256

  init(lines: [InputLine], speed: ReplaySpeed) {
    self.lines = lines
    self.speed = speed
  }

  var descriptor: Int32? { nil }

  mutating func next() throws -> [InputLine]? {
    guard position < lines.count else { return nil }
    let seconds = Double(MonotonicClock.nanoseconds - began) / 1e9
    var now: [InputLine] = []
    switch speed {
    case .max:
      let upper = min(lines.count, position + PacedSource.chunk)
      defer { position = upper }
      return Array(lines[position..<upper])
    case .stepsPerSecond(let rate):
      while position < lines.count, steps <= seconds * rate {
        steps += Double(Swift.max(1, lines[position].units))
        now.append(lines[position])
        position += 1
      }
    case .timesRecorded(let factor):
      let due = seconds * factor * 1e6
      while position < lines.count, Double(lines[position].microseconds ?? 0) <= due {
        now.append(lines[position])
        position += 1
      }
    }
    // Short enough to keep the pace, long enough to leave the core to the stages.
    if now.isEmpty { usleep(500) }
    return now
  }
}
