import Durability
import Foundation
import Wire

/// Output lines that wait to be kept with the group in which they are written: a row a stream, or two
/// where a new life began meanwhile.
struct KeptGroup {
  /// How long lines are kept.
  private let milliseconds: UInt64
  private var rows: [KeptLines] = []
  /// Where the newest row of a stream is.
  private var places: [StreamID: Int] = [:]

  init(milliseconds: UInt64) { self.milliseconds = milliseconds }

  /// Takes lines that cover a stream's numbers from `first` up to `next`.
  mutating func add(
    _ lines: [KeptLines.Line], of stream: StreamID, life: UInt64, first: UInt64, next: UInt64
  ) {
    guard !lines.isEmpty else { return }
    if let place = places[stream], rows[place].life == life, rows[place].next == first {
      rows[place].lines += lines
      rows[place].next = next
      return
    }
    places[stream] = rows.count
    rows.append(
      KeptLines(stream: stream.name, life: life, first: first, next: next, lines: lines))
  }

  /// What is to be committed with the group; nothing of it is left here.
  mutating func take() -> StoreChange? {
    guard !rows.isEmpty else { return nil }
    defer {
      rows.removeAll(keepingCapacity: true)
      places.removeAll(keepingCapacity: true)
    }
    return .keep(rows, second: KeptGroup.second)
  }

  /// What is older than it has to be, or too much, may go.
  var trim: StoreChange {
    let age = (milliseconds + 999) / 1000
    let now = KeptGroup.second
    return .trimKept(before: now - min(now, age), bytesMax: Limits.historyBytes)
  }

  /// Since 1970: lines are kept over restarts, which no other clock knows.
  private static var second: UInt64 { UInt64(max(0, Date().timeIntervalSince1970)) }
}
