import CoreMetrics
import Durability
import Foundation
import Logging
import Monitoring
import ServiceLifecycle
import UnixSignals
import ZeroMQ

/// A process that runs stages until SIGTERM or SIGINT: the first drains, a second exits at once.
///
/// SIGHUP reads the list of clients again.
package struct Daemon: Sendable {
  private let file: PipelineFile
  /// Nothing else holds the first model, so that it can leave memory once another is swapped in.
  private let shelf: ModelShelf
  private let logger: Logger
  /// The only stage of this process; nil when it runs all of them.
  private let stage: StageName?

  /// How long a stopping stage listens for its neighbours in other processes.
  private static let neighbourMilliseconds: UInt64 = 500

  /// `stage` is given when the others run in processes of their own.
  package init(pipeline: Pipeline, logger: Logger, stage: StageName? = nil) {
    file = pipeline.file
    shelf = ModelShelf(pipeline)
    self.logger = logger
    self.stage = stage
  }

  /// Returns once all is drained; throws what a stage threw.
  package func run() async throws {
    signal(SIGPIPE, SIG_IGN)
    let logger = logger
    try file.checkOutput()
    let store = try shelf.pipeline(of: shelf.first).openStore(of: stage)
    defer { store?.finish() }
    try loadModels(of: store)
    let stages = try stages(store)
    let metrics = MetricsCollection()
    // Libraries that report through swift-metrics come out at /metrics too.
    MetricsSystem.bootstrap(metrics.registry)
    let health = metrics.health
    let guarding = try EndpointGuard(file, logger: logger)
    guarding.describe(in: metrics.registry)
    if let store { metrics.watch(store) }
    let page = try page(metrics, guarding)
    let context = try Context()
    let notifier = ServiceNotifier()
    let status = "serving \(file.ingress)"
    let watchdog = notifier.watchdogInterval.map {
      Watchdog(notifier: notifier, interval: $0, metrics: metrics, logger: logger)
    }
    // Before the first socket, until behind the last: without it encrypted ones would be open.
    let authenticator = try Authenticator(context, decide: guarding.decide)
    defer { authenticator.stop() }
    let tracer = try file.traces.map {
      try FileTracer(path: $0, service: "millrace", version: Version.current)
    }
    defer { finish(tracer) }
    let runner = try PipelineRunner(
      stages: stages + page.stages, context: context, logger: logger,
      drainIdleMilliseconds: stage == nil ? 0 : Daemon.neighbourMilliseconds,
      metrics: metrics, guarding: guarding,
      spans: StageSpans(tracer: tracer, pipeline: file.name),
      beside: page.services + [watchdog].compactMap(\.self)
    ) {
      health.enter(.ready)
      notifier.ready(status)
      logger.notice(
        "ready",
        metadata: [
          "pipeline": "\(file.name)", "ingress": "\(file.ingress)",
          "stages": "\(stages.map(\.name).joined(separator: ","))",
        ])
    }
    for use in file.unencryptedOffLoopback {
      logger.warning("not encrypted", metadata: ["endpoint": "\(use)", "allowed": "by the file"])
    }
    try logStart(guarding, store)
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
    let watch = Task {
      var isStopping = false
      for await signal in signals {
        if signal == .sighup {
          guard !isStopping else { continue }
          notifier.reloading()
          Daemon.reload(file, guarding, logger)
          notifier.ready(status)
          continue
        }
        // Crash-safe: nothing is promised but what was acknowledged.
        if isStopping { _exit(128 + signal.rawValue) }
        isStopping = true
        logger.notice("stopping", metadata: ["signal": "\(signal)"])
        health.enter(.stopping)
        notifier.stopping()
        await runner.stop()
      }
    }
    defer { watch.cancel() }
    do {
      try await runner.run()
    } catch let error as ZeroMQError {
      throw EndpointFailure(error, in: file) ?? error
    } catch let failure as PageServer.Failure {
      throw EndpointFailure(failure, in: file)
    }
    logger.notice("stopped")
  }

  /// What the stages run on; each is made once.
  private func stages(_ store: StateStore?) throws -> [any Stage] {
    let pipeline = try shelf.pipeline(of: shelf.first)
    for warning in pipeline.warnings { logger.warning("\(warning)") }
    return try stage.map { try pipeline.stages(only: $0, shelf: shelf, store: store) }
      ?? pipeline.stages(.daemon, shelf: shelf, store: store)
  }

  /// Behind a restart, reads the models that streams of the store go on with.
  ///
  /// - Throws: why the one that serves cannot be read; an older one may not be needed any more.
  private func loadModels(of store: StateStore?) throws {
    guard stage ?? .inference == .inference, let records = try store?.models(),
      let current = records.last
    else { return }
    for record in records where !record.isReleased {
      do {
        _ = try shelf.pipeline(of: record)
      } catch {
        guard record != current else { throw error }
        logger.warning("a model is missing", metadata: ["reason": "\(error)"])
      }
    }
  }

  private func logStart(_ guarding: EndpointGuard, _ store: StateStore?) throws {
    let model = try shelf.pipeline(of: shelf.first).model
    logger.info(
      "starting",
      metadata: [
        "curve": "\(guarding.publicKey.map(\.text) ?? "none")",
        "version": "\(Version.current)", "pipeline": "\(file.name)", "model": "\(file.model)",
        "format": "\(model.format)", "sha256": "\(model.sha256Text)",
        "durability": "\(store?.durability ?? .none)", "kernels": "\(model.model.kernels)",
        "precision": "\(file.precision.rawValue)",
      ])
  }

  /// Reads the list of clients again, if the pipeline file is still right; all else stays.
  private static func reload(_ file: PipelineFile, _ guarding: EndpointGuard, _ logger: Logger) {
    do {
      var found = try PipelineFile(readingFrom: file.path)
      try found.checkKeys()
      try guarding.reload()
      found.marks = file.marks
      logger.notice("reloaded", metadata: ["clients": "\(file.curve?.clients ?? "none")"])
      if found != file {
        logger.warning(
          "the pipeline file has changed; restart to use it", metadata: ["file": "\(file.path)"])
      }
    } catch {
      logger.error(
        "not reloaded; all stays as it was", metadata: ["reason": "\(error)"])
    }
  }

  /// Writes the last spans.
  private func finish(_ tracer: FileTracer?) {
    guard let tracer else { return }
    tracer.finish()
    if tracer.dropped > 0 {
      logger.warning("spans were left out", metadata: ["spans": "\(tracer.dropped)"])
    }
  }

  /// The HTTP server, and the subscriber that feeds its page; nothing where the file names none.
  private func page(
    _ metrics: MetricsCollection, _ guarding: EndpointGuard
  ) throws -> (stages: [any Stage], services: [any Service]) {
    let pipeline = try shelf.pipeline(of: shelf.first)
    let facts = PipelineFacts(pipeline, process: stage?.rawValue ?? "daemon")
    facts.describe(in: metrics.registry)
    metrics.describe(facts, on: shelf)
    guard var address = file.http else { return ([], []) }
    // As for taps: three processes cannot share one port.
    if address.port != 0 { address.port += UInt16(stage?.index ?? 0) }
    var endpoints = [pipeline.pageTaps]
    if let stage, let monitor = file.monitor {
      endpoints += StageName.allCases.filter { $0 != stage }
        .map { Endpoint.worker($0.index, of: monitor) }
    }
    let feed = PageFeed(
      endpoints: endpoints.map { ($0, guarding.linkKeys(to: .monitor, at: $0)) })
    let similar = SimilarTokens(pipeline)
    let server = PageServer(
      address: address, registry: metrics.registry, health: metrics.health, feed: feed,
      similar: similar.map { tokens in { @Sendable word in tokens.page(of: word) } },
      logger: logger)
    return ([PageStage(feed: feed)], [server])
  }
}
