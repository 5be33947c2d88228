import Wire

/// The steps of one data message, and the answers that have been computed for them.
struct StepRun {
  var header: Header
  /// Token ids, or the vectors row by row; the other is empty.
  var ids: [Int32] = []
  var values: [Float] = []
  /// Carried to the answers (`traceparent`).
  var note: [UInt8]
  /// Steps taken.
  var done = 0
  /// Output rows not sent yet, the first of them for step `firstAnswer`.
  var rows: [Float] = []
  var firstAnswer = 0

  /// Copies a message out of libzmq's memory.
  init(_ message: InboundMessage) {
    header = message.header
    note = Array(message.note)
    switch header.elementType {
    case .int32: ids = Array(copying: message.payload)
    case .float32: values = Array(copying: message.payload)
    case .none, .text, .uint8, .json: break
    }
  }

  var stepCount: Int { Int(header.count) }
  var isDone: Bool { done == stepCount }
  var nextNumber: UInt64 { header.number + UInt64(done) }
}
