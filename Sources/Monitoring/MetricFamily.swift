/// All series of one metric: the same name and meaning under different labels.
struct MetricFamily {
  enum Kind: String {
    case counter
    case gauge
    case histogram
    case summary
  }

  /// Where a series' value is read from when somebody asks.
  enum Source {
    case counter(OwnedCounter)
    case gauge(OwnedGauge)
    case histogram(OwnedHistogram)
    case read(@Sendable () -> Double)
    /// Sum and count.
    case summary(@Sendable () -> (sum: Double, count: UInt64))
  }

  struct Series {
    let labels: [MetricLabel]
    /// Several threads may count the same thing: their values are added.
    var sources: [Source]
  }

  let kind: Kind
  var help: String
  var series: [Series] = []
}

/// One label of a series.
///
/// Never the name of a stream: that has no bound.
package struct MetricLabel: Sendable, Hashable {
  package let name: String
  package let value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
