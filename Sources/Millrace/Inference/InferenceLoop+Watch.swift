import Recurrence
import Wire

/// The taps `gates` and `state`: what a layer did at one step, for whoever asks for that stream.
extension InferenceLoop {
  /// Whether a subscriber asks for the gates or the state of a stream, so that its steps are taken
  /// one at a time.
  func isWatched(_ stream: InferenceStream) -> Bool {
    guard let tap, tap.isAskedForCostly, !stream.runs[0].isPeek else { return false }
    return tap.wantsSome("gates", stream: stream.id) || tap.wantsSome("state", stream: stream.id)
  }

  /// Publishes the gates of the step that comes next: by the plain layers, on a copy of the state.
  func publishGates(of stream: InferenceStream) {
    let model = stream.model.model
    guard let tap, model.hasGates, tap.wantsSome("gates", stream: stream.id) else { return }
    let run = stream.runs[0]
    let layers =
      run.values.isEmpty
      ? model.gates(at: stream.state, token: run.ids[run.done])
      : run.stepValues(run.done).withUnsafeBufferPointer {
        model.gates(at: stream.state, vector: $0)
      }
    var header = answerHeader(run, below: run.nextNumber + 1)
    header.number = run.nextNumber
    for layer in layers {
      header.count = UInt32(layer.names.count)
      header.width = UInt32(layer.units)
      tap.publish(
        "gates", stream: stream.id, part: layer.layerName, header: header, rows: layer.values)
    }
  }

  /// Publishes h and c of every layer behind a step: one row a layer, c behind h.
  func publishState(of stream: InferenceStream, _ run: StepRun, number: UInt64) {
    guard let tap, tap.wantsSome("state", stream: stream.id) else { return }
    var header = answerHeader(run, below: number + 1)
    header.number = number
    header.count = 1
    let rows = stream.model.model.stateLayout.rows.filter { $0.kind == .h || $0.kind == .c }
    for (position, row) in rows.enumerated() where row.kind == .h {
      var values = stream.state.row(row)
      if position + 1 < rows.count, rows[position + 1].kind == .c {
        values += stream.state.row(rows[position + 1])
      }
      header.width = UInt32(values.count)
      tap.publish(
        "state", stream: stream.id, part: row.layerName, header: header, rows: values)
    }
  }

  /// Keeps the span of a finished message: from when it was read to its last step.
  func trace(_ run: StepRun, of stream: InferenceStream) {
    guard let parent = run.note.withUnsafeBytes({ control.spans.parent(of: $0) }) else { return }
    control.spans.keep(
      "millrace.inference", kind: .internal, below: parent, from: run.readNanoseconds,
      to: MonotonicClock.nanoseconds, stream: stream.id, number: run.header.number,
      steps: UInt64(run.stepCount))
  }
}
