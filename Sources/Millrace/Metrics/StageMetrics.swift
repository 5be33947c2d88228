import Monitoring
import Wire

/// What every stage counts; owned by its thread, read by the stats tap and by `/metrics`.
///
/// Made on the stage's own thread: see `OwnedCounter`.
final class StageMetrics: Sendable {
  /// `tokenizer`, `inference-0`, `sink`.
  let stage: String
  /// Data messages read: from clients, or from the stage before.
  let messages: OwnedCounter
  /// Steps that came in, and steps that were dealt with; the rest waits.
  ///
  /// Stages that know of models show the latter by model: `steps(of:)`.
  let stepsIn: OwnedCounter
  let steps: OwnedCounter
  /// Turns of the stage's loop, which never stand still while it is well.
  let turns: OwnedCounter
  /// Credit left on the stage's sending side, in steps.
  let credit: OwnedGauge
  /// Streams that the stage knows.
  let streams: OwnedGauge
  /// How long one piece of its work takes: an answer, a step of a batch, a write.
  let duration: OwnedHistogram
  private let registry: MetricsRegistry
  private let labels: [MetricLabel]

  /// - Parameters:
  ///   - registry: where they are shown.
  ///   - stage: the value of the label `stage`.
  ///   - model: the model's key, for the label `model`; empty for the sink, which knows none.
  ///   - duration: the name of the histogram, and what it means.
  init(
    _ registry: MetricsRegistry, stage: String, model: String,
    duration: (name: String, help: String)
  ) {
    self.stage = stage
    let labels = [MetricLabel("stage", stage)]
    messages = registry.counter(
      "millrace_messages_total", "Data messages that a stage has read.", labels)
    let stepsIn = registry.counter(
      "millrace_steps_received_total", "Steps that came into a stage.", labels)
    self.registry = registry
    self.labels = labels
    let steps =
      model.isEmpty ? StageMetrics.steps(in: registry, labels) : OwnedCounter()
    turns = registry.counter("millrace_loop_turns_total", "Turns of a stage's loop.", labels)
    // The last stage has none behind it, and no state of streams.
    let isLast = model.isEmpty
    credit =
      isLast
      ? OwnedGauge()
      : registry.gauge(
        "millrace_credit_steps", "Steps that a stage may still send to the next one.", labels)
    streams =
      isLast
      ? OwnedGauge()
      : registry.gauge("millrace_stage_streams", "Streams that a stage knows.", labels)
    self.duration = registry.histogram(duration.name, duration.help, labels)
    registry.gauge(
      "millrace_queue_depth", "Steps that came into a stage and that it is not done with.", labels
    ) { Double(StageMetrics.waiting(stepsIn, steps)) }
    self.stepsIn = stepsIn
    self.steps = steps
  }

  /// A counter of the steps of one model, to be counted beside `steps`; `hash` is `sha256:` and 64
  /// digits.
  func steps(of hash: String) -> OwnedCounter {
    StageMetrics.steps(
      in: registry, labels + [MetricLabel("model", ModelKey.text(of: ModelKey.key(of: hash)))])
  }

  private static func steps(
    in registry: MetricsRegistry, _ labels: [MetricLabel]
  ) -> OwnedCounter {
    registry.counter(
      "millrace_steps_total",
      "Steps that a stage is done with: answered (tokenizer), taken (inference), written (sink).",
      labels)
  }

  /// Steps that came in and are not done with.
  var waiting: UInt64 { StageMetrics.waiting(stepsIn, steps) }

  private static func waiting(_ stepsIn: OwnedCounter, _ steps: OwnedCounter) -> UInt64 {
    // In this order: what is done cannot be more than what came in before.
    let done = steps.value
    let came = stepsIn.value
    return came > done ? came - done : 0
  }
}
