import Monitoring
import Recurrence
import Wire

/// A model that follows the one that serves: it takes the same steps on states of its own, and nobody
/// is answered by it.
final class ShadowRun {
  /// A step in the batch of the model that serves: its row, whose it is, and how many steps ahead of
  /// the stream's next.
  typealias Step = (row: Int, stream: InferenceStream, run: StepRun, ahead: Int)

  let model: WorkerModel
  /// The model whose answers it is compared with.
  let serving: WorkerModel
  private(set) var report = ShadowReport()
  /// What was told last.
  var told = ShadowReport()
  var nextReportMilliseconds: UInt64 = 0
  /// The same for `/metrics`.
  private let steps: OwnedCounter
  private let labelsDiffer: OwnedCounter

  init(
    _ model: WorkerModel, following serving: WorkerModel, stage: String, _ registry: MetricsRegistry
  ) {
    self.model = model
    self.serving = serving
    let labels = [
      MetricLabel("stage", stage), MetricLabel("model", ModelKey.text(of: model.key)),
    ]
    steps = registry.counter(
      "millrace_shadow_steps_total", "Steps that a shadow took beside the model that serves.",
      labels)
    labelsDiffer = registry.counter(
      "millrace_shadow_labels_differ_total",
      "Of these, the ones at which its largest class was another one.", labels)
  }

  /// Takes steps that the model that serves has taken, whose outputs are still in its batch.
  ///
  /// `publish` gets both rows of each step, the answer's and the shadow's.
  func follow(
    _ steps: [Step],
    publish: (Step, UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) throws -> Void
  ) rethrows {
    var rest = steps[...]
    while !rest.isEmpty {
      // A larger model takes fewer steps at once than the one that it follows.
      try followBatch(rest.prefix(model.batch.capacity), publish: publish)
      rest = rest.dropFirst(model.batch.capacity)
    }
  }

  private func followBatch(
    _ steps: ArraySlice<Step>,
    publish: (Step, UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) throws -> Void
  ) rethrows {
    model.batch.removeAll()
    for step in steps {
      step.run.append(state: state(of: step.stream), ahead: step.ahead, to: &model.batch)
    }
    model.model.step(&model.batch)
    guard model.model.shape.answersEachStep else { return }
    let areDistributions = model.model.outputIsDistribution
    let before = report
    for (index, step) in steps.enumerated() {
      let answer = serving.batch.output(step.row)
      let shadow = model.batch.output(index)
      report.compare(answer, with: shadow, areDistributions: areDistributions)
      try publish(step, answer, shadow)
    }
    self.steps.add(report.steps - before.steps)
    labelsDiffer.add(report.labelsDiffer - before.labelsDiffer)
  }

  /// The stream's state of the shadow: it begins as its last inputs make it.
  private func state(of stream: InferenceStream) -> StreamState {
    if let known = stream.shadow, known.model === model { return known.state }
    let state = model.rewarmed(by: stream.recent)
    stream.shadow = ShadowState(model: model, state: state)
    return state
  }
}

/// What a shadow remembers of one stream.
struct ShadowState {
  let model: WorkerModel
  let state: StreamState
}
