import Wire

/// A message that waits to be sent: its parts behind the routing identity.
struct OutgoingMessage {
  var stream: [UInt8]
  var header: [UInt8]
  var payload: [UInt8]
  var ids: [UInt8] = []
  var note: [UInt8] = []
}
