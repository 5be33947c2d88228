import DequeModule
import Durability
import Logging
import Recurrence
import Wire
import ZeroMQ

/// Answers on their way to the sink, to the taps, and back to where the data came from.
extension InferenceLoop {
  func answerHeader(_ run: StepRun, below covered: UInt64) -> Header {
    var header = Header(kind: .answer)
    header.elementType = .float32
    header.width = UInt32(answerWidth)
    header.epoch = run.header.epoch
    header.time = run.header.time
    header.input = covered
    header.model = run.model.key
    return header
  }

  /// Sends the rows that a run has gathered.
  func sendRows(of stream: InferenceStream) throws {
    let run = stream.runs[0]
    let count = run.rows.count / answerWidth
    var header = answerHeader(run, below: run.nextNumber)
    header.count = UInt32(count)
    header.number = run.header.number + UInt64(run.firstAnswer)
    let ids = stage.settings.tellsTokens ? run.ids(run.firstAnswer..<run.firstAnswer + count) : []
    try send(header, of: stream, rows: run.rows, ids: ids, for: run)
    run.rows.removeAll(keepingCapacity: true)
    run.firstAnswer = run.done
    stream.stepsSinceAnswer = 0
  }

  /// Hands one answer to the sink, to the taps, and back to where the data came from.
  ///
  /// `run` is what it answers.
  func send(
    _ header: Header, of stream: InferenceStream, rows: [Float], ids: [Int32], for run: StepRun
  ) throws {
    let isReplied = run.isPeek || stage.settings.reply && !run.isAgain
    try stream.id.withBytes { name in
      try rows.withUnsafeBytes { rows in
        let shared = isReplied && !run.isPeek ? SharedPart(copying: rows) : nil
        try ids.withUnsafeBytes { ids in
          try run.note.withUnsafeBytes { note in
            if isReplied, let upstream {
              link.send(
                header, stream: name, payload: rows, ids: ids, note: note, isCredited: true,
                to: upstream, shared: shared)
            }
            // A PEEK's answer is for the one who asked.
            if run.isPeek { return }
            tap?.publish(
              "output", stream: stream.id, life: stream.life, header: header, payload: rows,
              ids: ids)
            var header = header
            header.input = run.header.input
            try sink.send(
              header, stream: name, payload: rows, ids: ids, note: note,
              units: header.sinkUnits, shared: shared)
          }
        }
      }
    }
    if isReplied {
      release(stream)
    } else {
      cover(stream, below: header.input, for: run, flags: header.flags)
    }
  }

  /// Tells the tokenizer stage that steps are applied although no answer goes back for them.
  func cover(
    _ stream: InferenceStream, below number: UInt64, for run: StepRun, flags: MessageFlags = []
  ) {
    release(stream)
    guard let upstream, !run.isAgain else { return }
    var header = Header(kind: .acknowledge)
    header.elementType = .json
    header.count = 1
    header.input = number
    header.flags = flags
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    stream.id.withBytes {
      link.send(
        header, stream: $0, payload: nothing, ids: nothing, note: nothing, isCredited: true,
        to: upstream)
    }
  }

  private func release(_ stream: InferenceStream) {
    upstream?.release(units: UInt64(stream.uncovered))
    stream.uncovered = 0
  }
}
