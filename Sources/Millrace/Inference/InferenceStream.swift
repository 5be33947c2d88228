import DequeModule
import Durability
import Recurrence
import Wire

/// One stream inside an inference worker: its state and the steps that wait for it.
final class InferenceStream: IdleStream {
  let id: StreamID
  let state: StreamState
  var runs: Deque<StepRun> = []
  /// The life that its newest message belongs to, and how many of it have come.
  var queued = MessagePlace()
  /// The life that its state belongs to, and how many of its messages are in the state.
  var applied = MessagePlace()
  /// What is in the store for certain.
  var saved = MessagePlace()
  /// Whether it stands in the list of those to be saved.
  var isDirty = false
  var usedMilliseconds: UInt64 = 0
  var isInIdleOrder = false
  /// Whether it is to be saved behind the message that it is in.
  var isSavingDue = false
  /// The next step's number.
  var nextStep: UInt64 = 0
  /// Its life, as the tokenizer stage counts them.
  private(set) var life: UInt64 = 0
  /// What it generates behind its END; its other messages wait until that is done.
  var generation: Generation?
  /// The last output, while answers are rarer than steps.
  var last: LastOutput?
  /// Its forecast errors, with an anomaly score.
  var errors = AnomalyScore.State()
  /// Whether it stands in the queue of ready streams.
  var isReady = false
  /// Steps since h and c were last zero, for `reset-every`.
  private(set) var stepsSinceReset: UInt32 = 0
  /// Steps since the last answer, for `every`.
  var stepsSinceAnswer: UInt32 = 0
  /// Steps that were taken and not told to the tokenizer stage yet, neither answered nor covered.
  var uncovered: UInt32 = 0

  init(id: StreamID, state: StreamState) {
    self.id = id
    self.state = state
  }

  /// Whether it has messages that can be worked on.
  var isWaiting: Bool { generation == nil && !runs.isEmpty }

  /// A new life: zero state, numbers from `number`.
  func begin(at number: UInt64, life: UInt64) {
    self.life = life
    zero()
    nextStep = number
    stepsSinceAnswer = 0
    last = nil
    errors = .init()
  }

  func zero() {
    state.zero()
    // A forecast of the sequence before is none of what follows.
    errors.forecast = nil
    stepsSinceReset = 0
  }

  /// Counts a step that was taken.
  func step(number: UInt64) {
    nextStep = number + 1
    uncovered += 1
    stepsSinceReset &+= 1
    stepsSinceAnswer &+= 1
  }

  /// Steps until `reset-every` is due.
  func stepsLeft(of limit: Int) -> Int { limit - Int(stepsSinceReset) }
}

/// An output that is kept until it is known whether it is an answer.
final class LastOutput {
  var row: [Float] = []
  var id: Int32?
  /// The number of the step that gave it.
  var number: UInt64 = 0
}

// MARK: Stored

extension InferenceStream {
  func restore(_ checkpoint: StreamCheckpoint) throws {
    life = checkpoint.life
    applied = MessagePlace(life: checkpoint.life, messages: checkpoint.messages)
    queued = applied
    saved = applied
    try take(checkpoint)
  }

  /// Goes on from a checkpoint of any life.
  func take(_ checkpoint: StreamCheckpoint) throws {
    try state.load(checkpoint.state)
    nextStep = checkpoint.nextStep
    stepsSinceReset = checkpoint.stepsSinceReset
    stepsSinceAnswer = checkpoint.stepsSinceAnswer
    errors = checkpoint.errors.isEmpty ? .init() : try .init(decoding: checkpoint.errors)
    last = checkpoint.last.map {
      let last = LastOutput()
      last.row = $0.row
      last.id = $0.id
      last.number = $0.number
      return last
    }
  }

  /// Between two messages.
  var checkpoint: StreamCheckpoint {
    var checkpoint = StreamCheckpoint(
      life: applied.life, messages: applied.messages, nextStep: nextStep,
      stepsSinceReset: stepsSinceReset, stepsSinceAnswer: stepsSinceAnswer,
      last: last.map { .init(number: $0.number, id: $0.id, row: $0.row) }, state: state.floats)
    checkpoint.errors = errors.isEmpty ? [] : errors.encoded()
    return checkpoint
  }
}
