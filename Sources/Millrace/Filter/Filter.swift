import Foundation
import Logging
import Wire
import ZeroMQ

/// Lines in, answers out: the pipeline as a filter, in this process or in a running daemon.
///
/// What `pipe`, `replay`, `send` and `test` have in common.
package struct Filter: Sendable {
  /// What happened, for exit codes and summaries.
  package struct Summary: Sendable {
    package var answers: UInt64 = 0
    package var streams = 0
    package var refusals: UInt64 = 0
  }

  package enum Failure: Error, CustomStringConvertible {
    case noAnswer(endpoint: String)
    /// It went away before it answered.
    case cutOff(endpoint: String)
    /// Something else answered.
    case noControl(endpoint: String)
    case noIngress(endpoint: String)
    case notLetIn(endpoint: String, reason: String)
    case pipelineStopped

    package var description: String {
      switch self {
      case .noAnswer(let endpoint):
        "no daemon answers at \(endpoint); start one with millrace run"
      case .cutOff(let endpoint):
        "the daemon at \(endpoint) went away before it answered; ask again when it is back"
      case .noControl(let endpoint):
        "what answers at \(endpoint) is no control socket; expected the endpoint that the pipeline "
          + "file of that daemon names as control"
      case .noIngress(let endpoint):
        "what answers at \(endpoint) is no ingress; expected the endpoint that the pipeline file of "
          + "that daemon names as ingress"
      case .notLetIn(let endpoint, let reason): "\(endpoint): \(reason)"
      case .pipelineStopped: "the pipeline stopped before all was answered"
      }
    }
  }

  let pipeline: Pipeline
  /// A running daemon's ingress; nil runs the stages in this process.
  let connect: String?
  /// For a daemon whose ingress is encrypted.
  let keys: CurveClientKeys?
  let logger: Logger
  /// Whether a daemon that was started anew without a store gets whole lives again.
  var keepsLives = false

  package init(
    pipeline: Pipeline, connect: String?, keys: CurveClientKeys? = nil, logger: Logger
  ) {
    self.pipeline = pipeline
    self.keys = keys
    self.connect = connect
    self.logger = logger
  }

  /// Sends what `makeSource` gives, and calls `onAnswer` and `onRefusal` on the filter's thread.
  ///
  /// `say` gets what people should know of a running daemon: that it has gone, and is back.
  ///
  /// - Throws: `Failure`, a stage's error, or what the closures throw.
  func run(
    makeSource: @escaping @Sendable () throws -> any InputSource,
    onAnswer: @escaping @Sendable (StreamID, Header, AnswerMessage) throws -> Void,
    onRefusal: @escaping @Sendable (StreamID?, UInt64, Refusal) -> Void,
    onIdle: @escaping @Sendable () throws -> Void = {},
    say: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> Summary {
    let context = try Context()
    let stopped = try Signal()
    let endpoint = connect ?? pipeline.endpoints(.filter).ingress
    func loop() async throws -> Summary {
      try await onThread(named: "filter") {
        let loop = try FilterLoop(
          context: context, endpoint: endpoint, epoch: connect == nil ? 0 : Filter.incarnation(),
          keepsLives: keepsLives, keys: keys, stopped: stopped,
          source: try makeSource(),
          onAnswer: onAnswer, onRefusal: onRefusal, onIdle: onIdle, say: say)
        return try loop.run()
      }
    }
    guard connect == nil else { return try await loop() }
    let runner = try PipelineRunner(
      stages: pipeline.stages(.filter), context: context, logger: logger, ready: {})
    async let stages: Void = {
      // Whatever ends the stages ends the loop.
      defer { stopped.raise() }
      try await runner.run()
    }()
    let summary: Summary
    do {
      summary = try await loop()
    } catch {
      await runner.stop()
      try await stages
      throw error
    }
    await runner.stop()
    try await stages
    return summary
  }

  /// Microseconds since 1970: grows from start to start, and JSON can hold it.
  private static func incarnation() -> UInt64 {
    UInt64(max(1, Date.now.timeIntervalSince1970 * 1_000_000))
  }
}
