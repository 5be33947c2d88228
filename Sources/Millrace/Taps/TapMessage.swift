import Wire
import ZeroMQ

/// A published message, as a reader sees it; valid until the next one is received.
struct TapMessage {
  let topic: String
  let header: Header
  let payload: UnsafeRawBufferPointer
  let note: TapNote

  /// - Throws: a `WireError` or a `JSONError` for a message that no daemon of ours publishes.
  init(_ message: borrowing Multipart) throws {
    topic = message.string(0)
    header = try Header(bytes: message.bytes(1))
    payload = message.bytes(2)
    note = try TapNote(message.bytes(4))
    try header.checkPayload(byteCount: payload.count)
  }
}
