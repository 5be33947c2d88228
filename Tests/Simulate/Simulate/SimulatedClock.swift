import Millrace
import Synchronization

/// The time of a run, which passes when an event says so.
final class SimulatedClock: Sendable {
  // Not near 0, which is a time that machines do not have while they run a daemon.
  private let nanoseconds = Atomic<UInt64>(1_000_000_000_000)

  var milliseconds: UInt64 { nanoseconds.load(ordering: .relaxed) / 1_000_000 }

  func pass(milliseconds: UInt64) {
    nanoseconds.wrappingAdd(milliseconds * 1_000_000, ordering: .relaxed)
  }

  /// The clock of a process: machines do not agree on the time, and a new start may read another.
  func stageClock(aheadMilliseconds ahead: UInt64) -> StageClock {
    StageClock { [self] in nanoseconds.load(ordering: .relaxed) + ahead * 1_000_000 }
  }
}
