import CoreMetrics
import Testing

@testable import Monitoring

/// What `/metrics` says.
struct MetricsTextTests {
  @Test func countersOfSeveralThreadsAreAdded() {
    let registry = MetricsRegistry()
    for steps in [3, 4] as [UInt64] {
      registry.counter("millrace_steps_total", "Steps.", [MetricLabel("stage", "sink")]).add(steps)
    }
    registry.gauge("millrace_streams_active", "Streams.").set(7)
    #expect(
      registry.text == """
        # HELP millrace_steps_total Steps.
        # TYPE millrace_steps_total counter
        millrace_steps_total{stage="sink"} 7
        # HELP millrace_streams_active Streams.
        # TYPE millrace_streams_active gauge
        millrace_streams_active 7

        """)
  }

  @Test func labelsAndHelpAreEscaped() {
    let registry = MetricsRegistry()
    registry.info("a_info", "one\\two\nthree", [MetricLabel("path", "a\"b\\c\nd")])
    #expect(
      registry.text == """
        # HELP a_info one\\\\two\\nthree
        # TYPE a_info gauge
        a_info{path="a\\"b\\\\c\\nd"} 1

        """)
  }

  @Test func histogramsAreCumulativeInSeconds() {
    let registry = MetricsRegistry()
    let histogram = registry.histogram("a_seconds", "A.")
    for nanoseconds in [100, 1000, 1001, 40_000_000_000] as [UInt64] {
      histogram.observe(nanoseconds: nanoseconds)
    }
    let lines = registry.text.split(separator: "\n")
    #expect(lines.contains("a_seconds_bucket{le=\"1.25e-07\"} 1"))
    #expect(lines.contains("a_seconds_bucket{le=\"1e-06\"} 2"))
    #expect(lines.contains("a_seconds_bucket{le=\"2e-06\"} 3"))
    #expect(lines.contains("a_seconds_bucket{le=\"16.777216\"} 3"))
    #expect(lines.contains("a_seconds_bucket{le=\"+Inf\"} 4"))
    #expect(lines.contains("a_seconds_count 4"))
    #expect(lines.contains("a_seconds_sum 40.000002101"))
  }

  @Test func swiftMetricsComesOutToo() {
    let registry = MetricsRegistry()
    registry.describe("wal_fsync_seconds", "How long a sync took.")
    Counter(label: "page.requests", dimensions: [("path", "/")], factory: registry)
      .increment(by: 2)
    Timer(label: "wal_fsync", factory: registry).recordMicroseconds(3)
    Meter(label: "sessions", factory: registry).set(2)
    Recorder(label: "sizes", factory: registry).record(2.5)
    let lines = registry.text.split(separator: "\n")
    #expect(lines.contains("page_requests_total{path=\"/\"} 2"))
    #expect(lines.contains("# HELP wal_fsync_seconds How long a sync took."))
    #expect(lines.contains("wal_fsync_seconds_bucket{le=\"4e-06\"} 1"))
    #expect(lines.contains("sessions 2"))
    #expect(lines.contains("sizes_sum 2.5"))
  }
}
