import Synchronization

/// All metrics of a process, and their text for Prometheus.
///
/// Making a metric and reading all of them take a lock; counting does not.
package final class MetricsRegistry: Sendable {
  private let families = Mutex<[String: MetricFamily]>([:])

  package init() {}

  /// A counter of the calling thread; its name ends in `_total`.
  package func counter(
    _ name: String, _ help: String, _ labels: [MetricLabel] = []
  ) -> OwnedCounter {
    let counter = OwnedCounter()
    add(.counter(counter), name, .counter, help, labels)
    return counter
  }

  package func gauge(_ name: String, _ help: String, _ labels: [MetricLabel] = []) -> OwnedGauge {
    let gauge = OwnedGauge()
    add(.gauge(gauge), name, .gauge, help, labels)
    return gauge
  }

  /// A histogram of durations; its name ends in `_seconds`.
  package func histogram(
    _ name: String, _ help: String, _ labels: [MetricLabel] = []
  ) -> OwnedHistogram {
    let histogram = OwnedHistogram()
    add(.histogram(histogram), name, .histogram, help, labels)
    return histogram
  }

  /// A constant 1 whose labels say what this process is.
  package func info(_ name: String, _ help: String, _ labels: [MetricLabel]) {
    add(.read { 1 }, name, .gauge, help, labels)
  }

  /// A value that is computed when it is asked for.
  package func gauge(
    _ name: String, _ help: String, _ labels: [MetricLabel] = [],
    read: @escaping @Sendable () -> Double
  ) {
    add(.read(read), name, .gauge, help, labels)
  }

  /// As the gauge of that kind, for what never falls.
  package func counter(
    _ name: String, _ help: String, _ labels: [MetricLabel] = [],
    read: @escaping @Sendable () -> Double
  ) {
    add(.read(read), name, .counter, help, labels)
  }

  /// Says what a metric means that is reported through swift-metrics, which has no word for it.
  package func describe(_ name: String, _ help: String) {
    descriptions.withLock { $0[name] = help }
  }

  /// Of swift-metrics, by kind, name and dimensions.
  let handlers = Mutex<[String: any Sendable]>([:])
  private let descriptions = Mutex<[String: String]>([:])

  func description(of name: String) -> String? { descriptions.withLock { $0[name] } }

  func add(
    _ source: MetricFamily.Source, _ name: String, _ kind: MetricFamily.Kind, _ help: String,
    _ labels: [MetricLabel]
  ) {
    families.withLock { families in
      var family = families[name] ?? MetricFamily(kind: kind, help: help)
      if let index = family.series.firstIndex(where: { $0.labels == labels }) {
        family.series[index].sources.append(source)
      } else {
        family.series.append(.init(labels: labels, sources: [source]))
      }
      families[name] = family
    }
  }

  /// All metrics in Prometheus' text format 0.0.4, by name.
  package var text: String {
    let families = families.withLock { $0 }
    var text = PrometheusText()
    for (name, family) in families.sorted(by: { $0.key < $1.key }) { text.append(name, family) }
    return text.text
  }
}
