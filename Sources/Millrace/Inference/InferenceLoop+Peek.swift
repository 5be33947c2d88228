import Recurrence
import Wire

/// PEEK: steps on a copy of the stream's state.
extension InferenceLoop {
  func beginPeek(at stream: InferenceStream, _ header: Header) throws {
    let isZero = header.flags.contains(.reset) || isResetDue(stream)
    let model = stream.runs[0].model
    stream.runs[0].peeked =
      isZero
      ? model.model.makeState()
      : model === stream.model
        ? stream.state.copy()
        : stream.successor(
          on: model, by: models.policy(from: stream.model, to: model))
    let given = stream.runs[0].given
    if !given.isEmpty { try stream.runs[0].peeked?.begin(with: given) }
    stream.runs[0].peekedErrors = stream.errors
  }

  /// Keeps the answer to one step of it.
  func takePeek(
    _ row: UnsafeBufferPointer<Float>, of stream: InferenceStream, _ run: StepRun
  ) throws {
    run.rows.append(contentsOf: row)
    run.done += 1
    if run.isDone { try finishRun(of: stream) }
  }

  /// Answers: every step of it, or the rows of a one-to-many model.
  func finishPeek(of stream: InferenceStream) throws {
    let run = stream.runs.removeFirst()
    if stream.runs.isEmpty { stream.runs = [] }
    var rows = run.rows
    let isEmpty = stream.stepsSinceReset == 0 || run.header.flags.contains(.reset)
    if case .oneToMany = run.model.model.shape, let state = run.peeked,
      run.stepCount > 0 || !isEmpty
    {
      rows = run.model.model.decode(state).values
      stage.settings.output.scaling?.undo(on: &rows)
    }
    var header = answerHeader(run, below: run.header.input)
    header.flags = .peek
    header.number = run.header.number
    header.count = UInt32(rows.count / max(1, answerWidth))
    upstream?.release(units: UInt64(run.stepCount))
    let ids = stage.settings.tellsTokens ? run.ids : []
    try send(header, of: stream, rows: rows, ids: ids, for: run)
  }
}
