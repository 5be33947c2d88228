import Wire
import ZeroMQ

/// A published message, as a reader sees it; valid until the next one is received.
struct TapMessage {
  let topic: String
  let header: Header
  let payload: UnsafeRawBufferPointer
  let note: TapNote

  /// The same message as it is to be shown: under another topic, and counted anew.
  func shown(as topic: String, sequence: UInt64) -> TapMessage {
    var note = note
    note.sequence = sequence
    return TapMessage(topic: topic, header: header, payload: payload, note: note)
  }

  init(topic: String, header: Header, payload: UnsafeRawBufferPointer, note: TapNote) {
    (self.topic, self.header, self.payload, self.note) = (topic, header, payload, note)
  }

  /// - Throws: a `WireError` or a `JSONError` for a message that no daemon of ours publishes.
  init(_ message: borrowing Multipart) throws {
    topic = message.string(0)
    header = try Header(bytes: message.bytes(1))
    payload = message.bytes(2)
    note = try TapNote(message.bytes(4))
    try header.checkPayload(byteCount: payload.count)
  }
}
