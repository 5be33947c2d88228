import DequeModule
import Recurrence
import Wire

extension InferenceLoop {
  /// Begins to generate behind a stream's END.
  ///
  /// The first answer is drawn from the last output of the prompt, or from the decoder's answer to
  /// its start token. A stream without a step has no answer: a bare end.
  func beginGeneration(of stream: InferenceStream, _ run: StepRun) throws {
    guard let settings = stream.model.generator else { return }
    guard stream.last != nil else { return try finishGeneration(of: stream, run) }
    if let decoder = settings.decoder {
      let state = decoder.model.makeState()
      // The rows were compared when the pipeline was built.
      try state.load(stream.state.floats)
      stream.generation = Generation(
        state: state, run: run, seed: settings.seed, token: decoder.start)
      if let generation = stream.generation, settings.beam != nil {
        return try beginBeam(of: stream, generation, row: nil)
      }
      generating.append(stream)
    } else if let last = stream.last {
      let generation = Generation(state: stream.state, run: run, seed: settings.seed, token: 0)
      stream.generation = generation
      if settings.beam != nil { return try beginBeam(of: stream, generation, row: last.row) }
      let goesOn = try last.row.withUnsafeBufferPointer {
        try answer(generation, of: stream, row: $0, settings, by: last.model)
      }
      if goesOn { generating.append(stream) }
    }
  }

  /// One more step of every stream that generates, up to the batch.
  func stepGenerations() throws {
    guard let first = generating.first?.model.generator else { return }
    if first.beam != nil { return try stepBeams() }
    var count = 0
    while count < stage.settings.batch, let stream = generating.popFirst() {
      guard let generation = stream.generation else { continue }
      let model = stream.model
      if model.generating.isEmpty {
        model.generationBatch.removeAll()
        stepping.append(model)
      }
      model.generationBatch.append(generation.state, token: generation.token)
      model.generating.append(stream)
      count += 1
    }
    for model in stepping { try generateChosen(of: model) }
    stepping.removeAll(keepingCapacity: true)
  }

  /// One more step of the streams that were chosen, all of one model.
  private func generateChosen(of model: WorkerModel) throws {
    guard let settings = model.generator else { return }
    takeStep(of: settings.decoder?.model ?? model.model, &model.generationBatch)
    for (index, stream) in model.generating.enumerated() {
      guard let generation = stream.generation else { continue }
      let goesOn = try answer(
        generation, of: stream, row: model.generationBatch.output(index), settings)
      if goesOn { generating.append(stream) }
    }
    model.generating.removeAll(keepingCapacity: true)
  }

  /// One turn of every stream that searches.
  private func stepBeams() throws {
    for _ in 0..<generating.count {
      guard let stream = generating.popFirst(), let generation = stream.generation else { continue }
      if try stepBeam(of: stream, generation) { generating.append(stream) }
    }
  }

  /// Draws the next token and answers with it; false when it was the last.
  private func answer(
    _ generation: Generation, of stream: InferenceStream, row: UnsafeBufferPointer<Float>,
    _ settings: GenerationSettings, by model: UInt64? = nil
  ) throws -> Bool {
    let token = settings.sampler.token(of: row, &generation.random)
    if token == settings.until {
      try finishGeneration(of: stream, generation.run)
      return false
    }
    let isLast = generation.count + 1 == settings.steps
    try answer(
      generation, of: stream, row: Array(row), token: token, isLast: isLast, by: model)
    return !isLast
  }

  /// Answers with a token and the distribution that it is from.
  ///
  /// `model` names the one that gave it, where that is not the one that generates.
  func answer(
    _ generation: Generation, of stream: InferenceStream, row: [Float], token: Int32, isLast: Bool,
    by model: UInt64? = nil
  ) throws {
    var header = answerHeader(generation.run, below: stream.nextStep)
    header.number = UInt64(generation.count)
    header.count = 1
    header.width = UInt32(row.count)
    if let model { header.model = model }
    if isLast { header.flags = .last }
    generation.count += 1
    generation.token = token
    if isLast { stream.generation = nil }
    try send(header, of: stream, rows: row, ids: [token], for: generation.run)
    if isLast { forget(stream) }
  }

  func finishGeneration(of stream: InferenceStream, _ run: StepRun) throws {
    var header = answerHeader(run, below: stream.nextStep)
    header.flags = .last
    header.number = UInt64(stream.generation?.count ?? 0)
    stream.generation = nil
    try send(header, of: stream, rows: [], ids: [], for: run)
    forget(stream)
  }
}
