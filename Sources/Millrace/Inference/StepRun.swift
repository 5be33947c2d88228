import Recurrence
import Wire

/// The steps of one data message, and the answers that have been computed for them.
///
/// A class, so that looking at one costs no copies of its arrays' references at every step.
final class StepRun {
  let header: Header
  /// The model that takes its steps.
  let model: WorkerModel
  /// Token ids, or the vectors row by row; the other is empty.
  let ids: [Int32]
  let values: [Float]
  /// A `StreamSnapshot.Memory`, or the text of a question; empty for steps.
  let state: [UInt8]
  /// The h and c that the stream begins with; empty for zeros.
  let given: [Float]
  /// Carried to the answers (`traceparent`).
  let note: [UInt8]
  /// When it was read, where it has a note.
  let readNanoseconds: UInt64
  /// For a PEEK, the state that its steps are taken on: a copy that nobody sees afterwards.
  var peeked: StreamState?
  /// And the stream's forecast errors, for the same.
  var peekedErrors = AnomalyScore.State()
  /// Steps taken.
  var done = 0
  /// Output rows not sent yet, the first of them for step `firstAnswer`.
  var rows: [Float] = []
  var firstAnswer = 0

  /// Copies a message out of libzmq's memory; `model` takes its steps.
  init(_ message: InboundMessage, model: WorkerModel) {
    self.model = model
    header = message.header
    note = Array(message.note)
    given = Array(copying: message.ids)
    readNanoseconds = note.isEmpty ? 0 : MonotonicClock.nanoseconds
    let type = header.elementType
    ids = type == .int32 ? Array(copying: message.payload) : []
    values = type == .float32 ? Array(copying: message.payload) : []
    state = header.stepCount == 0 ? Array(message.payload) : []
  }

  /// The vector of a step; empty for token ids.
  func stepValues(_ step: Int) -> ArraySlice<Float> {
    if values.isEmpty { return [] }
    let width = Int(header.width)
    return values[step * width..<(step + 1) * width]
  }

  /// Puts its next step into a batch, or the one so many steps ahead.
  func append(state: StreamState, ahead: Int, to batch: inout StepBatch) {
    let step = done + ahead
    if values.isEmpty {
      batch.append(state, token: ids[step])
    } else {
      let width = Int(header.width)
      values.withUnsafeBufferPointer { values in
        batch.append(
          state, vector: UnsafeBufferPointer(rebasing: values[step * width..<(step + 1) * width]))
      }
    }
  }

  /// The token ids of some of its steps.
  func ids(_ steps: Range<Int>) -> [Int32] {
    steps.count == ids.count ? ids : Array(ids[steps])
  }

  /// Whether its answers have reached the client before.
  var isAgain: Bool { !isPeek && header.isAgain }
  var isPeek: Bool { header.flags.contains(.peek) }
  var stepCount: Int { header.stepCount }
  var isDone: Bool { done == stepCount }
  var nextNumber: UInt64 { header.number + UInt64(done) }
}
