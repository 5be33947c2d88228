import Logging
import Monitoring
import ZeroMQ

/// A loop with sockets of its own, on a thread of its own.
package protocol Stage: Sendable {
  var name: String { get }

  /// Runs until `control.stop` is raised and everything accepted has been handed on.
  ///
  /// Blocks; called once, on the stage's thread. An error ends the daemon.
  func run(_ control: StageControl) throws
}

/// What a stage shares with the one who started it.
package struct StageControl: Sendable {
  package let context: Context
  package let logger: Logger
  /// Raised to ask the stage to drain and return.
  package let stop: Signal
  /// Called once, when the stage's sockets are bound and its links are up.
  package let ready: @Sendable () -> Void
  /// After `stop`, how long a stage waits for a neighbour in another process to say more.
  package let drainIdleMilliseconds: UInt64
  /// Where the stage's counters are shown.
  package let metrics: MetricsCollection
  /// Who may connect to the stage's endpoints, and its own keys.
  package let guarding: EndpointGuard
  /// Where the stage's spans are kept.
  package let spans: StageSpans
  /// The time that it goes by.
  package let clock: StageClock

  /// Whether the stages beside it are processes of their own, which may die or be cut off.
  var hasNeighbours: Bool { drainIdleMilliseconds > 0 }

  package init(
    context: Context, logger: Logger, stop: Signal, ready: @escaping @Sendable () -> Void,
    drainIdleMilliseconds: UInt64, metrics: MetricsCollection, guarding: EndpointGuard,
    spans: StageSpans, clock: StageClock
  ) {
    self.context = context
    self.logger = logger
    self.stop = stop
    self.ready = ready
    self.drainIdleMilliseconds = drainIdleMilliseconds
    self.metrics = metrics
    self.guarding = guarding
    self.spans = spans
    self.clock = clock
  }
}

/// Where the stages of one pipeline meet.
package struct StageEndpoints: Sendable {
  package var ingress: String
  package var tokens: String
  package var answers: String
  /// Where this process's stages hand over what is published as taps; nil for nowhere.
  package var taps: TapFeed?
  /// Where the tokenizer stage is asked about its streams; nil for nowhere.
  package var control: String?
  /// Public keys of the processes that serve `tokens` and `answers`; nil for our own.
  package var tokensKey: CurveKey?
  package var answersKey: CurveKey?

  package init(
    ingress: String, tokens: String, answers: String, taps: TapFeed? = nil, control: String? = nil
  ) {
    self.ingress = ingress
    self.control = control
    self.tokens = tokens
    self.answers = answers
    self.taps = taps
  }
}
