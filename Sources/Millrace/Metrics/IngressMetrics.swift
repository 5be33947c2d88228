import Monitoring
import Wire

/// What the tokenizer stage counts beside what every stage does: its clients and their refusals.
final class IngressMetrics: Sendable {
  /// Answers handed to clients, once each.
  let answers: OwnedCounter
  /// Answers sent again from the cache.
  let repeated: OwnedCounter
  let openStreams: OwnedGauge
  let connections: OwnedGauge
  let cacheBytes: OwnedGauge
  /// 1 while the store waits for room on its disk, and input with it.
  let storeStalled: OwnedGauge
  private let refusals: [OwnedCounter]

  init(_ registry: MetricsRegistry) {
    answers = registry.counter("millrace_answers_total", "Answers given to clients, in rows.")
    repeated = registry.counter(
      "millrace_answers_repeated_total", "Rows answered again: duplicates and reconnects.")
    openStreams = registry.gauge("millrace_streams_active", "Streams that are open.")
    connections = registry.gauge("millrace_connections", "Clients that are connected.")
    cacheBytes = registry.gauge("millrace_answer_cache_bytes", "Size of the answer cache.")
    storeStalled = registry.gauge(
      "millrace_store_stalled", "1 while the store waits for room on its disk.")
    refusals = RefusalCode.allCases.map {
      registry.counter(
        "millrace_refused_total", "Refusals sent to clients.", [MetricLabel("code", $0.rawValue)])
    }
  }

  func refuse(_ code: RefusalCode) {
    guard let index = RefusalCode.allCases.firstIndex(of: code) else { return }
    refusals[index].add(1)
  }

  var refused: UInt64 { refusals.reduce(0) { $0 + $1.value } }
}
