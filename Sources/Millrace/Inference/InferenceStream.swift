import DequeModule
import Durability
import Recurrence
import Wire

/// One stream inside an inference worker: its state and the steps that wait for it.
///
/// Thousands of them are idle at a time: what few have stands apart, and fields are in an order that
/// leaves no gaps.
final class InferenceStream: IdleStream {
  let id: StreamID
  /// The model that its state is of.
  private(set) var model: WorkerModel
  private(set) var state: StreamState
  var runs: Deque<StepRun> = []
  /// The life that its newest message belongs to, and how many of it have come.
  var queued = MessagePlace()
  /// The next step's number.
  var nextStep: UInt64 = 0
  /// Its life, as the tokenizer stage counts them.
  private(set) var life: UInt64 = 0
  /// Messages of that life which are in the state.
  private var appliedMessages: UInt64 = 0
  /// What only streams of some pipelines have; nil where there is none of it.
  private var extras: Extras?
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
    forgetErrors()
  }

  func zero() {
    state.zero()
    extras?.recent.removeAll()
    extras?.isRewarmed = false
    extras?.shadow?.state.zero()
    // A forecast of the sequence before is none of what follows.
    extras?.errors.forecast = nil
    stepsSinceReset = 0
  }

  /// Counts a step that was taken.
  func step(number: UInt64) {
    nextStep = number + 1
    extras?.isRewarmed = false
    uncovered += 1
    stepsSinceReset &+= 1
    stepsSinceAnswer &+= 1
  }

  /// Steps until `reset-every` is due.
  func stepsLeft(of limit: Int) -> Int { limit - Int(stepsSinceReset) }
}

// MARK: What few have

extension InferenceStream {
  fileprivate final class Extras {
    var generation: Generation?
    var last: LastOutput?
    var errors = AnomalyScore.State()
    // For swaps.
    var recent = RecentInputs()
    var isRewarmed = false
    var shadow: ShadowState?
    // With a store.
    var saved = MessagePlace()
    var usedMilliseconds: UInt64 = 0
    var isDirty = false
    var isSavingDue = false
    var isInIdleOrder = false
  }

  private var madeExtras: Extras {
    if let extras { return extras }
    let extras = Extras()
    self.extras = extras
    return extras
  }

  /// What it generates behind its END; its other messages wait until that is done.
  var generation: Generation? {
    get { extras?.generation }
    set { if newValue != nil || extras != nil { madeExtras.generation = newValue } }
  }

  /// The last output, while answers are rarer than steps.
  var last: LastOutput? {
    get { extras?.last }
    set { if newValue != nil || extras != nil { madeExtras.last = newValue } }
  }

  /// Its forecast errors, with an anomaly score.
  var errors: AnomalyScore.State {
    get { extras?.errors ?? .init() }
    _modify { yield &madeExtras.errors }
  }

  func forgetErrors() { extras?.errors = .init() }

  /// Its last inputs, for a swap that replays them.
  var recent: RecentInputs {
    get { extras?.recent ?? RecentInputs() }
    _modify { yield &madeExtras.recent }
  }

  /// Whether its state is what they made, and no step was taken since.
  private var isRewarmed: Bool {
    get { extras?.isRewarmed ?? false }
    set { if newValue || extras != nil { madeExtras.isRewarmed = newValue } }
  }

  /// What the model that follows beside remembers of it.
  var shadow: ShadowState? {
    get { extras?.shadow }
    set { if newValue != nil || extras != nil { madeExtras.shadow = newValue } }
  }

  /// The life that its state belongs to, and how many of its messages are in the state.
  var applied: MessagePlace {
    get { MessagePlace(life: life, messages: appliedMessages) }
    set { (life, appliedMessages) = (newValue.life, newValue.messages) }
  }

  /// What is in the store for certain.
  var saved: MessagePlace {
    get { extras?.saved ?? MessagePlace() }
    set { madeExtras.saved = newValue }
  }

  var usedMilliseconds: UInt64 {
    get { extras?.usedMilliseconds ?? 0 }
    set { madeExtras.usedMilliseconds = newValue }
  }

  var isInIdleOrder: Bool {
    get { extras?.isInIdleOrder ?? false }
    set { madeExtras.isInIdleOrder = newValue }
  }

  /// Whether it stands in the list of those to be saved.
  var isDirty: Bool {
    get { extras?.isDirty ?? false }
    set { if newValue || extras != nil { madeExtras.isDirty = newValue } }
  }

  /// Whether it is to be saved behind the message that it is in.
  var isSavingDue: Bool {
    get { extras?.isSavingDue ?? false }
    set { madeExtras.isSavingDue = newValue }
  }
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
      forgetErrors()
    }
    isRewarmed = policy == .rewarm || isRewarmed && policy == .carry
    self.model = model
  }
}

// MARK: Stored

extension InferenceStream {
  /// How a state that was put away comes to another model than it is of.
  struct Passage {
    let policy: SwapPolicy
    /// How answers name the model that it is of.
    let before: UInt64
  }

  func restore(_ checkpoint: StreamCheckpoint, by passage: Passage?) throws {
    life = checkpoint.life
    applied = MessagePlace(life: checkpoint.life, messages: checkpoint.messages)
    queued = applied
    saved = applied
    try take(checkpoint, by: passage)
  }

  /// Goes on from a checkpoint of any life.
  ///
  /// `passage` says how one of an earlier model goes over to this one; nil for one of the same.
  func take(_ checkpoint: StreamCheckpoint, by passage: Passage?) throws {
    // As `successor` does.
    let policy = passage.map {
      checkpoint.isRewarmed && $0.policy == .carry ? SwapPolicy.rewarm : $0.policy
    }
    if !checkpoint.recent.isEmpty { recent = try RecentInputs(decoding: checkpoint.recent) }
    if let policy {
      state = InferenceStream.state(on: model, by: policy, from: { checkpoint.state }, recent)
      isRewarmed = policy == .rewarm
    } else {
      try state.load(checkpoint.state)
      isRewarmed = checkpoint.isRewarmed
    }
    nextStep = checkpoint.nextStep
    stepsSinceReset = checkpoint.stepsSinceReset
    stepsSinceAnswer = checkpoint.stepsSinceAnswer
    forgetErrors()
    if !checkpoint.errors.isEmpty { errors = try .init(decoding: checkpoint.errors) }
    last = checkpoint.last.map {
      let last = LastOutput()
      last.row = $0.row
      last.id = $0.id
      last.number = $0.number
      last.model = $0.model > 0 ? $0.model : passage?.before ?? model.key
      return last
    }
    if policy == .reset {
      zero()
      forgetErrors()
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
    checkpoint.isRewarmed = isRewarmed
    if let last, last.model != model.key { checkpoint.last?.model = last.model }
    checkpoint.errors = errors.isEmpty ? [] : errors.encoded()
    return checkpoint
  }
}
