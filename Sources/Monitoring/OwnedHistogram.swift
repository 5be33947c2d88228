import Synchronization

/// Durations that one thread observes and any thread may read: eight buckets to each doubling, from an
/// eighth of a microsecond to 16.8 s, so that a quantile is right within 12 %.
package final class OwnedHistogram: Sendable {
  private let buckets = InlineArray<218, Atomic<UInt64>> { _ in Atomic(0) }
  private let sum = Atomic<UInt64>(0)

  package init() {}

  /// Only the owning thread may call this.
  @inline(__always)
  package func observe(nanoseconds: UInt64) {
    let index = HistogramSnapshot.bucket(of: nanoseconds)
    let count = buckets[index].load(ordering: .relaxed)
    buckets[index].store(count &+ 1, ordering: .relaxed)
    sum.store(sum.load(ordering: .relaxed) &+ nanoseconds, ordering: .relaxed)
  }

  /// As `observe`, from any thread.
  package func observeShared(nanoseconds: UInt64) {
    buckets[HistogramSnapshot.bucket(of: nanoseconds)].wrappingAdd(1, ordering: .relaxed)
    sum.wrappingAdd(nanoseconds, ordering: .relaxed)
  }

  package var snapshot: HistogramSnapshot {
    HistogramSnapshot(
      counts: (0..<HistogramSnapshot.bucketCount).map { buckets[$0].load(ordering: .relaxed) },
      nanoseconds: sum.load(ordering: .relaxed))
  }
}
