import DequeModule
import Durability
import Recurrence
import Wire

/// One stream inside an inference worker: its state and the steps that wait for it.
final class InferenceStream: IdleStream {
  let id: StreamID
  /// The model that its state is of.
  private(set) var model: WorkerModel
  private(set) var state: StreamState
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
  /// Its last inputs, for a swap that replays them.
  var recent = RecentInputs()
  /// Whether its state is what they made, and no step was taken since.
  private var isRewarmed = false
  /// What the model that follows beside remembers of it.
  var shadow: ShadowState?
  /// Whether it stands in the queue of ready streams.
  var isReady = false
  /// Steps since h and c were last zero, for `reset-every`.
  private(set) var stepsSinceReset: UInt32 = 0
  /// Steps since the last answer, for `every`.
  var stepsSinceAnswer: UInt32 = 0
  /// Steps that were taken and not told to the tokenizer stage yet, neither answered nor covered.
  var uncovered: UInt32 = 0

  /// Zero state.
  init(id: StreamID, model: WorkerModel) {
    self.id = id
    self.model = model
    state = model.model.makeState()
  }

  /// Whether it has messages that can be worked on.
  var isWaiting: Bool { generation == nil && !runs.isEmpty }

  /// A new life: zero state of `model`, numbers from `number`.
  func begin(at number: UInt64, life: UInt64, on model: WorkerModel) {
    self.life = life
    if model !== self.model {
      self.model = model
      state = model.model.makeState()
    }
    zero()
    nextStep = number
    stepsSinceAnswer = 0
    last = nil
    errors = .init()
  }

  func zero() {
    state.zero()
    recent.removeAll()
    isRewarmed = false
    shadow?.state.zero()
    // A forecast of the sequence before is none of what follows.
    errors.forecast = nil
    stepsSinceReset = 0
  }

  /// Counts a step that was taken.
  func step(number: UInt64) {
    nextStep = number + 1
    isRewarmed = false
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
  /// How the model is named that gave it.
  var model: UInt64 = 0
}

// MARK: Swapped

extension InferenceStream {
  /// The state that the stream has on another model.
  ///
  /// One that was rewarmed and has taken no step since is rewarmed again: it goes where it had gone at
  /// once.
  func successor(on model: WorkerModel, by policy: SwapPolicy) -> StreamState {
    InferenceStream.state(
      on: model, by: isRewarmed && policy == .carry ? .rewarm : policy, from: { state.floats },
      recent)
  }

  static func state(
    on model: WorkerModel, by policy: SwapPolicy, from floats: () -> [Float],
    _ recent: RecentInputs
  ) -> StreamState {
    switch policy {
    case .reset: return model.model.makeState()
    case .rewarm: return model.rewarmed(by: recent)
    case .carry, .drain, .shadow:
      let state = model.model.makeState()
      do {
        try state.load(floats())
      } catch {
        preconditionFailure("a swap by carry to a model with other rows of state: \(error)")
      }
      return state
    }
  }

  /// Goes over to another model between two of its messages.
  func move(to model: WorkerModel, by policy: SwapPolicy) {
    state = successor(on: model, by: policy)
    if policy == .reset {
      zero()
      errors = .init()
    }
    isRewarmed = policy == .rewarm || isRewarmed && policy == .carry
    self.model = model
  }
}

// MARK: Stored

extension InferenceStream {
  /// Takes a checkpoint of its model's generation; `policy` says how one of an earlier one goes over.
  func restore(_ checkpoint: StreamCheckpoint, by policy: SwapPolicy?) throws {
    recent = try RecentInputs(decoding: checkpoint.recent)
    if let policy {
      state = InferenceStream.state(on: model, by: policy, from: { checkpoint.state }, recent)
      isRewarmed = policy == .rewarm
    } else {
      try state.load(checkpoint.state)
    }
    life = checkpoint.life
    applied = MessagePlace(life: checkpoint.life, messages: checkpoint.messages)
    queued = applied
    saved = applied
    nextStep = checkpoint.nextStep
    stepsSinceReset = checkpoint.stepsSinceReset
    stepsSinceAnswer = checkpoint.stepsSinceAnswer
    errors = checkpoint.errors.isEmpty ? .init() : try .init(decoding: checkpoint.errors)
    last = checkpoint.last.map {
      let last = LastOutput()
      last.row = $0.row
      last.id = $0.id
      last.number = $0.number
      last.model = $0.model == 0 ? model.key : $0.model
      return last
    }
    if policy == .reset {
      zero()
      errors = .init()
    }
  }

  /// Between two messages.
  var checkpoint: StreamCheckpoint {
    var checkpoint = StreamCheckpoint(
      life: applied.life, messages: applied.messages, nextStep: nextStep,
      stepsSinceReset: stepsSinceReset, stepsSinceAnswer: stepsSinceAnswer,
      last: last.map { .init(number: $0.number, id: $0.id, row: $0.row) }, state: state.floats)
    checkpoint.generation = model.generation
    checkpoint.recent = recent.encoded()
    if let last, last.model != model.key { checkpoint.last?.model = last.model }
    checkpoint.errors = errors.isEmpty ? [] : errors.encoded()
    return checkpoint
  }
}
