import Testing

@testable import Monitoring

/// Buckets and quantiles of durations.
struct HistogramTests {
  @Test func aBucketHoldsItsUpperBoundAndNothingAboveIt() {
    for nanoseconds in [125, 250, 1000, 2000, 64_000, 1_024_000] as [UInt64] {
      let bucket = HistogramSnapshot.bucket(of: nanoseconds)
      #expect(HistogramSnapshot.bound(bucket) == Double(nanoseconds))
      #expect(HistogramSnapshot.bucket(of: nanoseconds + 2) == bucket + 1)
    }
    #expect(HistogramSnapshot.bucket(of: 0) == 0)
    #expect(HistogramSnapshot.bucket(of: .max / 2048) == HistogramSnapshot.bucketCount - 1)
  }

  @Test func everyDurationLiesBetweenTheBoundsOfItsBucket() {
    var nanoseconds: UInt64 = 126
    while nanoseconds < 16_000_000_000 {
      let bucket = HistogramSnapshot.bucket(of: nanoseconds)
      // A bucket's bounds are multiples of 1/1,024 us, so that one nanosecond may fall beside.
      #expect(Double(nanoseconds) <= HistogramSnapshot.bound(bucket) + 1)
      #expect(Double(nanoseconds) >= HistogramSnapshot.bound(bucket - 1) - 1)
      nanoseconds += nanoseconds / 37 + 1
    }
  }

  @Test func quantilesAreRightWithinABucket() throws {
    let histogram = OwnedHistogram()
    for microseconds in 1...1000 as ClosedRange<UInt64> {
      histogram.observe(nanoseconds: microseconds * 1000)
    }
    let snapshot = histogram.snapshot
    #expect(snapshot.count == 1000)
    #expect(snapshot.nanoseconds == 500_500_000)
    for share in [0.01, 0.5, 0.9, 0.99] {
      let quantile = try #require(snapshot.quantile(share))
      #expect(abs(quantile / (share * 1e6) - 1) < 0.12)
    }
    #expect(HistogramSnapshot().quantile(0.5) == nil)
  }

  @Test func whatCameBetweenTwoMomentsIsTheirDifference() throws {
    let histogram = OwnedHistogram()
    histogram.observe(nanoseconds: 1_000_000_000)
    let before = histogram.snapshot
    histogram.observe(nanoseconds: 1000)
    let between = histogram.snapshot - before
    #expect(between.count == 1)
    #expect(between.nanoseconds == 1000)
    #expect(try #require(between.quantile(1)) == 1000)
  }
}
