/// The time by which a stage decides what is due, idle or silent.
///
/// Each stage is handed one: the machine's monotonic clock, or the clock of a simulation. What is only
/// measured, and decides nothing, reads `MonotonicClock`.
package struct StageClock: Sendable {
  private let read: @Sendable () -> UInt64

  /// A clock that reads nanoseconds from anywhere; they never go back.
  package init(nanoseconds read: @escaping @Sendable () -> UInt64) { self.read = read }

  /// The machine's.
  package static let monotonic = StageClock { MonotonicClock.nanoseconds }

  var nanoseconds: UInt64 { read() }

  var microseconds: UInt64 { read() / 1000 }

  var milliseconds: UInt64 { read() / 1_000_000 }
}
