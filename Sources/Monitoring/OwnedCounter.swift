import Synchronization

/// A count that one thread adds to and any thread may read.
///
/// The owner loads and stores without a lock prefix, which costs about a nanosecond; a reader sees a
/// value that was right a moment ago. Make it on the thread that counts: its memory then lies beside
/// that thread's and no other's.
package final class OwnedCounter: Sendable {
  private let cell = Atomic<UInt64>(0)

  package init() {}

  package var value: UInt64 { cell.load(ordering: .relaxed) }

  /// Only the owning thread may call this.
  @inline(__always)
  package func add(_ amount: UInt64) {
    cell.store(cell.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
  }
}
