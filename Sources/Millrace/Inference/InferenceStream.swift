import DequeModule
import Recurrence
import Wire

/// One stream inside an inference worker: its state and the steps that wait for it.
final class InferenceStream {
  let id: StreamID
  let state: StreamState
  var runs: Deque<StepRun> = []
  /// Whether it stands in the queue of ready streams.
  var isReady = false
  /// The next step's number.
  var nextStep: UInt64 = 0
  /// Steps since h and c were last zero, for `reset-every`.
  var stepsSinceReset = 0
  /// Steps since the last answer, for `every`.
  var stepsSinceAnswer = 0
  /// The last output, while answers are rarer than steps; empty otherwise.
  var lastRow: [Float] = []
  var lastID: Int32?
  /// The number of the step that gave `lastRow`.
  var lastNumber: UInt64 = 0
  /// Steps that were taken and not told to the tokenizer stage yet, neither answered nor covered.
  var uncovered: UInt64 = 0

  init(id: StreamID, state: StreamState) {
    self.id = id
    self.state = state
  }

  /// A new life: zero state, numbers from `number`.
  func begin(at number: UInt64) {
    zero()
    nextStep = number
    stepsSinceAnswer = 0
    lastRow.removeAll()
  }

  func zero() {
    state.zero()
    stepsSinceReset = 0
  }
}
