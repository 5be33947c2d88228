import DequeModule
import Recurrence
import Wire

/// One stream inside an inference worker: its state and the steps that wait for it.
final class InferenceStream {
  let id: StreamID
  let state: StreamState
  var runs: Deque<StepRun> = []
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
