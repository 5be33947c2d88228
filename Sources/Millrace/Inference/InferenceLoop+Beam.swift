import DequeModule
import Recurrence
import Wire

/// `sample: beam`: several hypotheses of a stream side by side, and the best answered at the end.
extension InferenceLoop {
  /// Begins the search: with the decoder's start token, or with the last output of the prompt.
  func beginBeam(of stream: InferenceStream, _ generation: Generation, row: [Float]?) throws {
    guard let settings = stream.model.generator, let beam = settings.beam else { return }
    generation.beam = Generation.Beam(
      search: BeamSearch(beam, steps: settings.steps, until: settings.until),
      hypotheses: [(generation.state, generation.token)])
    if let row { try advance(generation, of: stream, outputs: [row]) }
    if stream.generation != nil { generating.append(stream) }
  }

  /// One step of each live hypothesis, or one answer of those that are due.
  ///
  /// - Returns: whether there is more to do.
  func stepBeam(of stream: InferenceStream, _ generation: Generation) throws -> Bool {
    guard let beam = generation.beam else { return false }
    guard generation.due.isEmpty else { return try answerDue(generation, of: stream) }
    let model = stream.model
    model.generationBatch.removeAll()
    for hypothesis in beam.hypotheses {
      model.generationBatch.append(hypothesis.state, token: hypothesis.token)
    }
    takeStep(of: model.generator?.decoder?.model ?? model.model, &model.generationBatch)
    let outputs = beam.hypotheses.indices.map { Array(model.generationBatch.output($0)) }
    try advance(generation, of: stream, outputs: outputs)
    return stream.generation != nil
  }

  private func advance(
    _ generation: Generation, of stream: InferenceStream, outputs: [[Float]]
  ) throws {
    guard var beam = generation.beam else { return }
    let branches = beam.search.advance(outputs)
    beam.hypotheses = branches.map { (beam.hypotheses[$0.parent].state.copy(), $0.token) }
    generation.beam = beam
    guard branches.isEmpty else { return }
    generation.due = Deque(beam.search.best)
    if generation.due.isEmpty { try finishGeneration(of: stream, generation.run) }
  }

  private func answerDue(_ generation: Generation, of stream: InferenceStream) throws -> Bool {
    guard let due = generation.due.popFirst() else { return false }
    try answer(
      generation, of: stream, row: due.row, token: due.token, isLast: generation.due.isEmpty)
    return !generation.due.isEmpty
  }
}
