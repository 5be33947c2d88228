import Foundation
import Logging
import Monitoring
import ServiceLifecycle
import Synchronization
import ZeroMQ

/// Runs the stages of a process until they are told to stop.
package struct PipelineRunner: Sendable {
  private let context: Context
  private let services: [StageService]
  private let group: ServiceGroup
  private let logger: Logger

  /// Prepares the stages; nothing runs yet.
  ///
  /// - Parameters:
  ///   - stages: in the order in which they start; they stop the other way round.
  ///   - context: shared by all of them.
  ///   - logger: each stage gets it with its own name.
  ///   - drainIdleMilliseconds: how long a stopping stage listens for neighbours in other
  ///     processes; 0 where all stages are in this one.
  ///   - metrics: where the stages' counters are shown.
  ///   - guarding: who may connect to their endpoints.
  ///   - spans: where the stages' spans are kept.
  ///   - others: what else runs as long as the stages do; it stops behind them.
  ///   - ready: called once, when every stage is bound and linked.
  /// - Throws: a `ZeroMQError` when the system has no more descriptors.
  package init(
    stages: [any Stage], context: Context, logger: Logger, drainIdleMilliseconds: UInt64 = 0,
    metrics: MetricsCollection = MetricsCollection(), guarding: EndpointGuard = EndpointGuard(),
    spans: StageSpans = .none,
    beside others: [any Service] = [],
    ready: @escaping @Sendable () -> Void
  ) throws {
    self.context = context
    self.logger = logger
    let missing = Mutex(stages.count)
    var services: [StageService] = []
    for stage in stages {
      var stageLogger = logger
      stageLogger[metadataKey: "stage"] = "\(stage.name)"
      let control = StageControl(
        context: context, logger: stageLogger, stop: try Signal(),
        ready: {
          let isLast = missing.withLock { count in
            count -= 1
            return count == 0
          }
          if isLast { ready() }
        },
        drainIdleMilliseconds: drainIdleMilliseconds, metrics: metrics, guarding: guarding,
        spans: spans, clock: .monotonic)
      services.append(StageService(stage: stage, control: control))
    }
    self.services = services
    var quiet = logger
    quiet.logLevel = .error
    group = ServiceGroup(services: others + services, logger: quiet)
  }

  /// Returns once all stages have drained; throws the first stage's error.
  package func run() async throws { try await group.run() }

  /// Asks the stages to drain, the tokenizer first, each into the next.
  package func stop() async { await group.triggerGracefulShutdown() }
}
