import Durability
import Logging
import Wire

/// Models that are swapped in while streams run.
///
/// The tokenizer stage says which model each message is for; a file is read beside, and streams go over
/// between two of their messages.
extension InferenceLoop {
  /// What the tokenizer stage says of models.
  func follow(_ message: ModelMessage) throws {
    switch message.verb {
    case .series:
      if let loading { models.shelf.forget(loading.attempt) }
      loading = nil
      models.bell.lower()
      try models.take(message.models)
      let current = models.current.record
      if current.generation > 0 {
        control.metrics.serve(try models.shelf.pipeline(of: current), on: models.shelf)
      }
      try save(models.series.records)
      try followShadow(message.shadow)
      tellServing()
    case .load:
      guard let candidate = message.models.first else { return }
      loading = (candidate, message.attempt)
      models.shelf.load(
        candidate, attempt: message.attempt, beside: models.series.current, bell: models.bell)
    case .serve:
      models.shelf.keep(message.attempt)
      for record in message.models { try models.serve(record) }
      try save(models.series.records)
      endShadow()
      models.shelf.forget(message.attempt)
      let current = models.current
      control.metrics.serve(try models.shelf.pipeline(of: current.record), on: models.shelf)
      control.logger.notice(
        "serving",
        metadata: [
          "model": "\(current.record.hash)", "policy": "\(current.record.policy)",
          "file": "\(current.record.path)",
        ])
    case .shadow:
      models.shelf.keep(message.attempt)
      try followShadow(message.shadow)
      models.shelf.forget(message.attempt)
    case .drop:
      models.shelf.forget(message.attempt)
      if loading?.attempt == message.attempt { loading = nil }
      models.bell.lower()
      for record in message.models { drop(record) }
    case .loaded, .refused, .serving, .report: break
    }
  }

  /// Once a turn.
  func followModels() throws {
    if let loading { try tellLoaded(loading.candidate, loading.attempt) }
    leaveDropped()
    reportShadow()
  }

  private func tell(_ message: ModelMessage) throws {
    guard let upstream else { return }
    link.send(Header(kind: .models), json: try message.json, to: upstream)
  }

  private func tellLoaded(_ candidate: ModelRecord, _ attempt: UInt64) throws {
    guard let result = models.shelf.result(of: attempt) else { return }
    models.bell.lower()
    loading = nil
    switch result {
    case .success(let pipeline):
      var candidate = candidate
      candidate.hash = pipeline.model.hashText
      var message = ModelMessage(.loaded, [candidate], attempt: attempt)
      message.stateForm = StateForm(pipeline.model.model.stateLayout)
      try tell(message)
    case .failure(let refusal):
      var message = ModelMessage(.refused, [candidate], attempt: attempt)
      message.reason = "\(refusal)"
      message.isMissing = refusal.isMissing
      try tell(message)
    }
  }

  /// Behind a restart the tokenizer stage has only its own file's model to know this of.
  private func tellServing() {
    var message = ModelMessage(.serving)
    message.stateForm = models.current.stateForm
    message.generation = models.current.generation
    try? tell(message)  // why: encoding numbers and texts cannot fail
  }

  /// The store belongs to these from now on; nothing where none was ever swapped.
  private func save(_ records: [ModelRecord]) throws {
    guard let store = checkpoints?.store, records.count > 1, try store.models() != records else {
      return
    }
    store.submit(records.map { .model($0) })
  }

  // MARK: Streams

  /// A stream whose next message is for another model goes over.
  func move(_ stream: InferenceStream, to model: WorkerModel) {
    stream.move(to: model, by: models.policy(from: stream.model, to: model))
  }

  /// Keeps the input of a step that was taken.
  func remember(_ run: StepRun, of stream: InferenceStream) {
    let limit = stage.settings.rewarmSteps
    if run.values.isEmpty {
      stream.recent.append(token: run.ids[run.done], limit: limit)
    } else {
      stream.recent.append(vector: run.stepValues(run.done), limit: limit)
    }
  }

  /// No life needs a model any more: streams in memory that rest on it go over, some in each turn.
  private func drop(_ record: ModelRecord) {
    guard let model = models.drop(record.generation) else { return }
    leaving += streams.values.filter { $0.model === model }
    control.logger.notice("model released", metadata: ["model": "\(record.hash)"])
  }

  private func leaveDropped() {
    guard !leaving.isEmpty else { return }
    let count = min(leaving.count, Limits.drainMessages)
    for stream in leaving.suffix(count) where streams[stream.id] === stream {
      leaveDropped(stream)
    }
    leaving.removeLast(count)
  }

  /// Has a stream at rest go over from a model that is needed no more.
  func leaveDropped(_ stream: InferenceStream) {
    guard stream.model.isDropped, stream.runs.isEmpty, stream.generation == nil,
      let model = models.successor(of: stream.model)
    else { return }
    move(stream, to: model)
  }

  // MARK: Shadow

  /// Has a model follow the one that serves, or ends that.
  private func followShadow(_ record: ModelRecord?) throws {
    guard let record else { return endShadow() }
    guard shadow?.model.record != record else { return }
    endShadow()
    shadow = ShadowRun(
      try models.make(record), following: models.current, stage: stage.name,
      control.metrics.registry)
    control.logger.notice(
      "shadow begins", metadata: ["model": "\(record.hash)", "file": "\(record.path)"])
  }

  private func endShadow() {
    guard let ended = shadow else { return }
    shadow = nil
    for stream in streams.values { stream.shadow = nil }
    if ended.model.record.hash != models.current.record.hash {
      models.shelf.drop(ended.model.record.hash)
    }
    control.logger.notice(
      "shadow ends",
      metadata: [
        "model": "\(ended.model.record.hash)", "steps": "\(ended.report.steps)",
        "labels-differ": "\(ended.report.labelsDiffer)",
        "largest": "\(ended.report.largestDifference)", "mean": "\(ended.report.meanDifference)",
      ])
  }

  /// Has the shadow take steps that were taken, and shows both answers to whoever asks.
  func follow(_ shadow: ShadowRun, _ steps: [ShadowRun.Step]) {
    let steps = steps.filter { !$0.run.isPeek }
    shadow.follow(steps) { step, answer, other in
      guard let tap, let topic = tap.topic("shadow", stream: step.stream.id) else { return }
      let run = step.run
      let number = run.nextNumber + UInt64(step.ahead)
      var header = answerHeader(run, below: number + 1)
      header.number = number
      header.count = 2
      header.width = UInt32(answer.count)
      header.model = shadow.model.key
      (Array(answer) + Array(other)).withUnsafeBytes {
        tap.publish(
          topic, life: step.stream.life, header: header, payload: $0,
          ids: .init(start: nil, count: 0))
      }
    }
  }

  private func reportShadow() {
    guard let shadow, shadow.told != shadow.report else { return }
    let now = control.clock.milliseconds
    guard now >= shadow.nextReportMilliseconds else { return }
    shadow.nextReportMilliseconds = now + 500
    shadow.told = shadow.report
    var message = ModelMessage(.report)
    message.report = shadow.report
    try? tell(message)  // why: encoding numbers cannot fail
  }
}
