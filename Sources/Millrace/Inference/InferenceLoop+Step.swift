import DequeModule
import Durability
import Logging
import Recurrence
import Wire
import ZeroMQ

/// Batches: which steps are taken together, and what becomes of their outputs.
extension InferenceLoop {
  /// Whether there is room in the batch, and time, for more streams to share it.
  var isLingering: Bool {
    guard stage.settings.linger > 0, ready.count < stage.settings.batch else { return false }
    return !control.stop.isRaised
      && control.clock.microseconds - readySince < UInt64(stage.settings.linger)
  }

  /// Takes the next step of each ready stream up to the batch; several, where few are ready.
  func stepBatch() throws {
    let sharing = ready.count
    var count = 0
    while count < batchSize, let stream = ready.popFirst() {
      guard let run = try nextRun(of: stream) else {
        stream.isReady = false
        continue
      }
      try begin(stream, run)
      choose(stream, run, sharing: sharing)
      count += 1
    }
    for model in stepping { try stepChosen(of: model) }
    stepping.removeAll(keepingCapacity: true)
  }

  /// Puts a stream's next steps into the batch: its share of what a turn takes, within its message.
  private func choose(_ stream: InferenceStream, _ run: StepRun, sharing: Int) {
    let model = run.model
    var steps = min(run.stepCount - run.done, batchSize, max(1, model.stepsATurn / sharing))
    if let resetEvery, !run.isPeek {
      if isResetDue(stream) { stream.zero() }
      steps = min(steps, stream.stepsLeft(of: resetEvery))
    }
    if isWatched(stream) {
      publishGates(of: stream)
      steps = 1
    }
    if model.chosen.isEmpty {
      model.batch.removeAll()
      stepping.append(model)
    }
    let state = run.peeked ?? stream.state
    for ahead in 0..<steps { run.append(state: state, ahead: ahead, to: &model.batch) }
    model.chosen.append((stream, run, steps))
  }

  /// Takes the steps that were chosen, all of one model.
  private func stepChosen(of model: WorkerModel) throws {
    takeStep(of: model.model, &model.batch)
    count(model.batch.count, of: model)
    if let shadow, shadow.serving === model {
      var taken: [ShadowRun.Step] = []
      for (stream, run, steps) in model.chosen {
        for ahead in 0..<steps { taken.append((taken.count, stream, run, ahead)) }
      }
      follow(shadow, taken)
    }
    var row = 0
    for (stream, run, steps) in model.chosen {
      if isWatched(stream) { publishState(of: stream, run, number: run.nextNumber) }
      for _ in 0..<steps {
        try take(model.batch.output(row), of: stream, run)
        row += 1
      }
      if stream.isWaiting {
        ready.append(stream)
      } else {
        stream.isReady = false
      }
    }
    model.chosen.removeAll(keepingCapacity: true)
  }

  func count(_ steps: Int, of model: WorkerModel) {
    metrics.steps.add(UInt64(steps))
    model.steps.add(UInt64(steps))
  }

  /// The message whose step is next, if there is one; ends those in front of it that have none: a bare
  /// START, RESET or END.
  private func nextRun(of stream: InferenceStream) throws -> StepRun? {
    while stream.isWaiting {
      let run = stream.runs[0]
      guard run.stepCount == 0 else { return run }
      try begin(stream, run)
      try finishRun(of: stream)
    }
    return nil
  }

  /// What a message's flags ask for before its first step.
  private func begin(_ stream: InferenceStream, _ run: StepRun) throws {
    guard run.done == 0 else { return }
    let header = run.header
    if header.isQuestion { return }
    if run.isPeek { return try beginPeek(at: stream, header) }
    let model = run.model
    if header.flags.contains(.start) {
      stream.begin(at: header.number, life: header.place.life, on: model)
      if !run.given.isEmpty { try stream.state.begin(with: run.given) }
    }
    if model !== stream.model { move(stream, to: model) }
    // Numbers between were refused and make no step.
    stream.nextStep = max(stream.nextStep, header.number)
    if header.flags.contains(.reset) {
      stream.zero()
      stream.forgetErrors()
    }
  }

  func isResetDue(_ stream: InferenceStream) -> Bool {
    resetEvery.map { stream.stepsLeft(of: $0) <= 0 } ?? false
  }

  /// Books the answer of one step.
  private func take(
    _ row: UnsafeBufferPointer<Float>, of stream: InferenceStream, _ run: StepRun
  ) throws {
    guard isPlain else { return try takeFormed(row, of: stream, run) }
    try takeAnswer(row, of: stream, run)
  }

  /// As `take`, for answers that are not the bare output.
  private func takeFormed(
    _ row: UnsafeBufferPointer<Float>, of stream: InferenceStream, _ run: StepRun
  ) throws {
    var answer = Array(row)
    let values = run.stepValues(run.done)
    if run.isPeek {
      stage.settings.output.finish(&answer, values: values, &run.peekedErrors)
    } else {
      stage.settings.output.finish(&answer, values: values, &stream.errors)
    }
    try answer.withUnsafeBufferPointer { try takeAnswer($0, of: stream, run) }
  }

  private func takeAnswer(
    _ row: UnsafeBufferPointer<Float>, of stream: InferenceStream, _ run: StepRun
  ) throws {
    if run.isPeek { return try takePeek(row, of: stream, run) }
    let number = run.nextNumber
    stream.step(number: number)
    if keepsInputs { remember(run, of: stream) }
    if answersEachStep {
      if run.rows.isEmpty {
        run.rows.reserveCapacity(
          min(run.stepCount - run.done, Limits.answerRows) * answerWidth)
      }
      run.rows.append(contentsOf: row)
    } else if run.model.model.shape.answersEachStep {
      switch stage.settings.emit {
      case .eachStep: break
      case .every(let count) where Int(stream.stepsSinceAnswer) == count:
        run.firstAnswer = run.done
        run.rows.append(contentsOf: row)
      case .every, .atEnd, .generate:
        let last = stream.last ?? LastOutput()
        stream.last = last
        last.row.removeAll(keepingCapacity: true)
        last.row.append(contentsOf: row)
        last.number = number
        last.model = run.model.key
        last.id = stage.settings.tellsTokens ? run.ids[run.done] : nil
      }
    }
    run.done += 1
    if run.isDone {
      try finishRun(of: stream)
    } else if !run.rows.isEmpty,
      run.done - run.firstAnswer == Limits.answerRows || !answersEachStep
    {
      try sendRows(of: stream)
    }
  }

  /// Sends what a finished message leaves due, and acts on its END.
  func finishRun(of stream: InferenceStream) throws {
    if stream.runs[0].header.isQuestion { return try answerQuestion(about: stream) }
    if stream.runs[0].isPeek { return try finishPeek(of: stream) }
    if stream.runs[0].header.carriesState { return try takeState(of: stream) }
    let hasRows = !stream.runs[0].rows.isEmpty
    if hasRows { try sendRows(of: stream) }
    let run = stream.runs.removeFirst()
    if !run.note.isEmpty { trace(run, of: stream) }
    // An idle stream keeps no room for messages.
    if stream.runs.isEmpty { stream.runs = [] }
    let place = run.header.place
    stream.applied = MessagePlace(life: place.life, messages: place.messages + 1)
    if run.header.flags.contains(.end) { return try end(stream, run) }
    if checkpoints != nil { touch(stream) }
    leaveDropped(stream)
    if !hasRows {
      cover(stream, below: stream.nextStep, for: run)
    }
  }

  private func end(_ stream: InferenceStream, _ run: StepRun) throws {
    if case .generate = stage.settings.emit { return try beginGeneration(of: stream, run) }
    var header = answerHeader(run, below: stream.nextStep)
    header.flags = .last
    header.number = stream.nextStep
    // Rows come of a sequence: where there was no step, there is none to decode.
    if case .oneToMany = stream.model.model.shape, stream.stepsSinceReset > 0 {
      let rows = stream.model.model.decode(stream.state)
      var values = rows.values
      stage.settings.output.scaling?.undo(on: &values)
      header.count = UInt32(rows.rows)
      header.number = 0
      try send(header, of: stream, rows: values, ids: [], for: run)
    } else if let last = stream.last, stream.stepsSinceAnswer > 0 {
      header.count = 1
      header.number = last.number
      header.model = last.model
      try send(
        header, of: stream, rows: last.row, ids: last.id.map { [$0] } ?? [], for: run)
    } else {
      try send(header, of: stream, rows: [], ids: [], for: run)
    }
    forget(stream)
  }

  /// Forgets a stream that has ended; it may begin anew in messages that wait already.
  func forget(_ stream: InferenceStream) {
    stream.isDirty = false
    saveEnd(of: stream)
    if stream.runs.isEmpty {
      streams[stream.id] = nil
    } else if !stream.isReady {
      stream.isReady = true
      ready.append(stream)
    }
  }

  /// Runs the kernels, timed.
  func takeStep(of model: Model, _ batch: inout StepBatch) {
    let began = MonotonicClock.nanoseconds
    model.step(&batch)
    metrics.duration.observe(nanoseconds: MonotonicClock.nanoseconds - began)
  }
}
