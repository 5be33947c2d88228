import Wire

/// A message that waits to be sent: its parts behind the routing identity.
struct OutgoingMessage {
  var stream: [UInt8]
  var header: [UInt8]
  var payload: [UInt8]
  var ids: [UInt8] = []
  var note: [UInt8] = []
  /// Whether it answers steps that took credit, which bounds how many of these can wait.
  var isCredited: Bool

  /// What it costs while it waits.
  var byteCount: Int {
    stream.count + header.count + payload.count + ids.count + note.count
      + MemoryLayout<OutgoingMessage>.stride
  }
}
