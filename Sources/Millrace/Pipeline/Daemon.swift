import Foundation
import Logging
import UnixSignals
import ZeroMQ

/// A process that runs stages until SIGTERM or SIGINT: the first drains, a second exits at once.
package struct Daemon: Sendable {
  private let pipeline: Pipeline
  private let logger: Logger
  private let hasNeighbours: Bool

  /// How long a stopping stage listens for its neighbours in other processes.
  private static let neighbourMilliseconds: UInt64 = 500

  /// `hasNeighbours` says that the other stages run in processes of their own.
  package init(pipeline: Pipeline, logger: Logger, hasNeighbours: Bool = false) {
    self.pipeline = pipeline
    self.logger = logger
    self.hasNeighbours = hasNeighbours
  }

  /// Returns once all is drained; throws what a stage threw.
  package func run(_ stages: [any Stage]) async throws {
    signal(SIGPIPE, SIG_IGN)
    let logger = logger
    let file = pipeline.file
    try file.checkOutput()
    for warning in pipeline.warnings { logger.warning("\(warning)") }
    let runner = try PipelineRunner(
      stages: stages, context: try Context(), logger: logger,
      drainIdleMilliseconds: hasNeighbours ? Daemon.neighbourMilliseconds : 0
    ) {
      logger.notice(
        "ready",
        metadata: [
          "pipeline": "\(file.name)", "ingress": "\(file.ingress)",
          "stages": "\(stages.map(\.name).joined(separator: ","))",
        ])
    }
    logger.info(
      "starting",
      metadata: [
        "version": "\(Version.current)", "pipeline": "\(file.name)", "model": "\(file.model)",
        "format": "\(pipeline.model.format)",
        "sha256": "\(pipeline.model.sha256Text)", "durability": "none",
        "kernels": "\(pipeline.model.model.kernels)", "precision": "\(file.precision.rawValue)",
      ])
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    let watch = Task {
      var isStopping = false
      for await signal in signals {
        // Crash-safe: nothing is promised but what was acknowledged.
        if isStopping { _exit(128 + signal.rawValue) }
        isStopping = true
        logger.notice("stopping", metadata: ["signal": "\(signal)"])
        await runner.stop()
      }
    }
    defer { watch.cancel() }
    do {
      try await runner.run()
    } catch let error as ZeroMQError {
      throw EndpointFailure(error, in: file) ?? error
    }
    logger.notice("stopped")
  }
}
