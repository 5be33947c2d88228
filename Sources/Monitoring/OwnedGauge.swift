import Synchronization

/// A value that one thread sets and any thread may read.
package final class OwnedGauge: Sendable {
  private let cell = Atomic<UInt64>(0)

  package init() {}

  package var value: UInt64 { cell.load(ordering: .relaxed) }

  @inline(__always)
  package func set(_ value: UInt64) { cell.store(value, ordering: .relaxed) }
}
