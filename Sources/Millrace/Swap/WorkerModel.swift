import Durability
import ModelFiles
import Monitoring
import Recurrence
import Wire

/// A model as one worker serves it: the weights are shared, the batches are the worker's own.
final class WorkerModel {
  let record: ModelRecord
  let model: Model
  /// How answers name it.
  let key: UInt64
  /// With `emit: generate`.
  let generator: GenerationSettings?
  let stateForm: StateForm
  /// Steps that streams share in a turn: what a core does in about a millisecond, one of each
  /// stream of a full batch at least.
  let stepsATurn: Int
  var batch: StepBatch
  /// What it has steps of, in order, and how many of each.
  var chosen: [(stream: InferenceStream, run: StepRun, steps: Int)] = []
  /// The streams that generate whose steps are in the batch below.
  var generating: [InferenceStream] = []
  /// Of streams behind their END.
  var generationBatch: StepBatch
  /// Steps that it took.
  let steps: OwnedCounter
  /// Whether streams that rest on it are to go over to its successor.
  var isDropped = false

  var generation: UInt64 { record.generation }

  init(_ record: ModelRecord, _ pipeline: Pipeline, batch capacity: Int, steps: OwnedCounter) {
    self.record = record
    model = pipeline.model.model
    key = pipeline.model.key
    generator = pipeline.generation
    stateForm = StateForm(pipeline.model.model.stateLayout)
    stepsATurn = min(
      max(Self.productsATurn / max(1, model.productsAStep), capacity), 8 * capacity)
    batch = StepBatch(model: model, capacity: stepsATurn)
    generationBatch = StepBatch(model: generator?.decoder?.model ?? model, capacity: capacity)
    self.steps = steps
  }

  private static let productsATurn = 1 << 26

  /// What the last inputs of a stream make of zeros.
  func rewarmed(by recent: RecentInputs) -> StreamState {
    let state = model.makeState()
    guard !recent.isEmpty else { return state }
    // Not the batch that is being filled.
    var batch = StepBatch(model: model, capacity: min(recent.count, 64))
    withExtendedLifetime(state) {
      var from = 0
      while from < recent.count {
        recent.append(from: from, of: state, to: &batch)
        from += batch.count
        model.step(&batch)
        batch.removeAll()
      }
    }
    return state
  }
}
