import Durability

/// What one subscription to kept lines has been given, and what comes next; no sockets, no store.
struct HistoryPage {
  enum Part: Equatable {
    /// The lines that follow begin here; nil when none are kept yet.
    case begins(KeptPlace?)
    case line(KeptLines.Line, life: UInt64)
  }

  /// What is given already; nil until the stream has lines.
  private(set) var place: KeptPlace?
  private(set) var linesLeft = Limits.historyPageLines
  /// Messages that were published.
  private(set) var sequence: UInt64 = 0

  var isFull: Bool { linesLeft == 0 }

  /// Where it begins, once the life is known.
  mutating func begin(at place: KeptPlace) { self.place = place }

  /// What is to be published of rows that were read behind `place`, in order; at most `limit` lines.
  ///
  /// Where rows have been let go, what follows is told to begin behind them.
  mutating func take(_ rows: [KeptLines], limit: Int) -> [Part] {
    var parts: [Part] = []
    var room = min(limit, linesLeft)
    for row in rows where room > 0 {
      let expected = row.life == place?.life ? place?.number ?? 0 : 0
      let begins = KeptPlace(life: row.life, number: max(expected, row.first))
      if sequence == 0 && parts.isEmpty || row.first > expected { parts.append(.begins(begins)) }
      place = begins
      for line in row.lines where line.number >= begins.number {
        guard room > 0 else { break }
        parts.append(.line(line, life: row.life))
        place?.number = line.number + 1
        room -= 1
        linesLeft -= 1
      }
      // Numbers without a line of their own are covered too.
      if room > 0 { place?.number = row.next }
    }
    if sequence == 0, parts.isEmpty { parts.append(.begins(place)) }
    sequence += UInt64(parts.count)
    return parts
  }
}
