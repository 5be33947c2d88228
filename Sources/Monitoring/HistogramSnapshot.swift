/// What a histogram of durations held at one moment, or between two.
package struct HistogramSnapshot: Sendable, Equatable {
  package private(set) var counts: [UInt64]
  /// The sum of what was observed.
  package private(set) var nanoseconds: UInt64

  /// Below the first bound, 27 doublings of eight buckets, above the last bound.
  static let bucketCount = 2 + octaves * 8
  private static let octaves = 27

  package init() { self.init(counts: Array(repeating: 0, count: Self.bucketCount), nanoseconds: 0) }

  init(counts: [UInt64], nanoseconds: UInt64) {
    self.counts = counts
    self.nanoseconds = nanoseconds
  }

  package var count: UInt64 { counts.reduce(0, +) }

  /// Where a duration is counted; a bucket holds its upper bound, as Prometheus has it.
  @inline(__always)
  static func bucket(of nanoseconds: UInt64) -> Int {
    // 1,024 to the microsecond.
    let scaled = (max(nanoseconds, 1) - 1) &* 1024 / 1000
    guard scaled >= 128 else { return 0 }
    let exponent = 63 - scaled.leadingZeroBitCount
    guard exponent - 7 < octaves else { return bucketCount - 1 }
    return 1 + (exponent - 7) * 8 + Int(scaled >> UInt64(exponent - 3)) & 7
  }

  /// The upper bound of a bucket in nanoseconds; the last one has none and gives its lower.
  static func bound(_ bucket: Int) -> Double {
    let steps = min(bucket, octaves * 8)
    let start = 125.0 * Double(UInt64(1) << UInt64(steps / 8))
    return start + start * Double(steps % 8) / 8
  }

  /// How many were at most an eighth of a microsecond, a quarter, a half, and so on, in seconds.
  package var doublings: [(seconds: Double, count: UInt64)] {
    var total: UInt64 = 0
    var result: [(Double, UInt64)] = []
    for index in 0..<(counts.count - 1) {
      total += counts[index]
      // Powers of two times a microsecond, without the dust of a product.
      if index % 8 == 0 { result.append((Double(125 << (index / 8)) / 1e9, total)) }
    }
    return result
  }

  /// The duration that a share of all did not exceed, in nanoseconds; nil when there are none.
  package func quantile(_ share: Double) -> Double? {
    let total = count
    guard total > 0 else { return nil }
    let rank = share * Double(total)
    var below = 0.0
    for (index, count) in counts.enumerated() where count > 0 {
      if below + Double(count) >= rank {
        let lower = index == 0 ? 0 : Self.bound(index - 1)
        let fraction = max(0, rank - below) / Double(count)
        return lower + (Self.bound(index) - lower) * fraction
      }
      below += Double(count)
    }
    return Self.bound(counts.count - 1)
  }

  package static func - (later: Self, earlier: Self) -> Self {
    HistogramSnapshot(
      counts: zip(later.counts, earlier.counts).map { $0 &- $1 },
      nanoseconds: later.nanoseconds &- earlier.nanoseconds)
  }

  package static func + (one: Self, other: Self) -> Self {
    HistogramSnapshot(
      counts: zip(one.counts, other.counts).map { $0 &+ $1 },
      nanoseconds: one.nanoseconds &+ other.nanoseconds)
  }
}
