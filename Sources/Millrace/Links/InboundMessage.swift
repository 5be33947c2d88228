import Wire

/// A received message, its parts still in libzmq's memory: valid until the next receive.
struct InboundMessage {
  /// Nil for kinds that may come without one.
  let stream: StreamID?
  let header: Header
  let payload: UnsafeRawBufferPointer
  let ids: UnsafeRawBufferPointer
  let note: UnsafeRawBufferPointer

  /// Bytes of all parts.
  var byteCount: Int { payload.count + ids.count + note.count + Header.byteCount }
}
