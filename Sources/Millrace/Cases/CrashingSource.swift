import Glibc
import Recurrence

/// Input with crashes between its lines: a few milliseconds behind a line that chance chooses, so that
/// what came before is answered, acknowledged, under way or lost.
struct CrashingSource: InputSource {
  private let lines: [InputLine]
  private let daemon: CrashedDaemon
  /// Positions in `lines`, ascending.
  private var crashes: ArraySlice<Int>
  private var random: SplitMix64
  private var position = 0
  /// When the crash at the present position is due; nil before its lines have left.
  private var dueMicroseconds: UInt64?

  /// How long after its line a crash comes at the latest.
  private static let delayMicroseconds: UInt64 = 4000

  init(_ lines: [InputLine], daemon: CrashedDaemon, crashes: Int, seed: UInt64) {
    var random = SplitMix64(seed: seed)
    self.lines = lines
    self.daemon = daemon
    self.crashes =
      (0..<crashes).map { _ in
        1 + Int(random.next() % UInt64(max(1, lines.count)))
      }.sorted()[...]
    self.random = random
  }

  var descriptor: Int32? { nil }

  mutating func next() throws -> [InputLine]? {
    let end = min(crashes.first ?? lines.count, lines.count)
    if position < end {
      defer { position = end }
      return Array(lines[position..<end])
    }
    guard crashes.first != nil else { return nil }
    let now = MonotonicClock.microseconds
    guard let due = dueMicroseconds else {
      dueMicroseconds = now + random.next() % CrashingSource.delayMicroseconds
      return []
    }
    guard now >= due else {
      usleep(100)
      return []
    }
    dueMicroseconds = nil
    crashes.removeFirst()
    try daemon.crash()
    return []
  }
}
