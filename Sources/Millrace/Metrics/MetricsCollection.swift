import Durability
import Monitoring
import Synchronization

/// The metrics of all stages of a process: for `/metrics`, and for the stats tap.
package final class MetricsCollection: Sendable {
  package let registry: MetricsRegistry
  package let health = Health()
  private let state = Mutex((stages: [StageMetrics](), ingress: IngressMetrics?.none))
  private let served = Mutex(Served())

  /// What is shown of the models.
  private struct Served {
    var facts: PipelineFacts?
    var hash: String?
    var described: Set<String> = []
  }

  package init(_ registry: MetricsRegistry = MetricsRegistry()) { self.registry = registry }

  /// Makes a stage's counters; call it on the stage's thread.
  ///
  /// `model` is `sha256:` and the hash, of which the label keeps 16 digits; empty where the stage
  /// knows none.
  func stage(
    _ name: String, model: String, duration: (name: String, help: String)
  ) -> StageMetrics {
    let key = String(model.replacing("sha256:", with: "").prefix(16))
    let metrics = StageMetrics(registry, stage: name, model: key, duration: duration)
    state.withLock { $0.stages.append(metrics) }
    return metrics
  }

  /// What is true of a pipeline since a model was swapped in.
  func current(_ facts: PipelineFacts) -> PipelineFacts {
    served.withLock { served in
      var current = served.facts ?? facts
      current.process = facts.process
      if let hash = served.hash { current.model = hash }
      return current
    }
  }

  /// A model was swapped in, of which a process without workers knows its hash.
  func serve(_ hash: String) { served.withLock { $0.hash = hash } }

  /// As above, where it is loaded.
  func serve(_ pipeline: Pipeline, on shelf: ModelShelf) {
    let facts = PipelineFacts(pipeline, process: "")
    served.withLock {
      $0.facts = facts
      $0.hash = facts.model
    }
    describe(facts, on: shelf)
  }

  /// Shows a model: 1 while it is in memory.
  package func describe(_ facts: PipelineFacts, on shelf: ModelShelf) {
    let isNew = served.withLock { $0.described.insert(facts.model).inserted }
    guard isNew else { return }
    registry.gauge(
      "millrace_model_info",
      "A model that is served: 1 while it is in memory, 0 once it was swapped out and released.",
      facts.modelLabels
    ) { [weak shelf] in shelf?.holds(facts.model) ?? false ? 1 : 0 }
  }

  /// Shows how long a store's commits take; they end on its thread, one behind the other.
  func watch(_ store: StateStore) {
    let duration = registry.histogram(
      "millrace_wal_fsync_seconds",
      "How long a commit of the state store takes; with durability fsync until it is on the disk.",
      [MetricLabel("durability", store.durability.rawValue)])
    store.onCommit { [weak store] _ in
      guard let store else { return }
      duration.observe(nanoseconds: store.newestCommitNanoseconds)
    }
  }

  /// Makes the counters of the stage where clients come in.
  func ingress() -> IngressMetrics {
    let metrics = IngressMetrics(registry)
    state.withLock { $0.ingress = metrics }
    return metrics
  }

  /// The stages in the order of their names, and the ingress where this process has it.
  var current: (stages: [StageMetrics], ingress: IngressMetrics?) {
    let (stages, ingress) = state.withLock { ($0.stages, $0.ingress) }
    // The order of the data: tokenizer, inference, sink.
    let order = ["t", "i", "s"]
    func rank(_ stage: StageMetrics) -> Int {
      order.firstIndex(of: String(stage.stage.prefix(1))) ?? order.count
    }
    return (stages.sorted { (rank($0), $0.stage) < (rank($1), $1.stage) }, ingress)
  }
}
