import Wire

/// A stream that is on its way to another daemon: what is sent to it waits until it is known where it
/// goes on.
final class HeldStream {
  /// A message that waits, with all its parts.
  struct Message {
    private let bytes: [UInt8]
    private let ends: [Int]
    let connection: Connection
    /// What it holds of its connection's credit.
    let units: UInt64

    init(_ message: InboundMessage, units: UInt64, from connection: Connection) {
      let name = Array((message.stream?.name ?? "").utf8)
      var bytes: [UInt8] = []
      var ends: [Int] = []
      for part in [
        name, message.header.bytes, Array(message.payload), Array(message.ids), Array(message.note),
      ] {
        bytes += part
        ends.append(bytes.count)
      }
      self.bytes = bytes
      self.ends = ends
      self.units = units
      self.connection = connection
    }

    var byteCount: Int { bytes.count }

    /// Calls `body` with the message as it came.
    func withMessage(_ body: (InboundMessage) throws -> Void) throws {
      try bytes.withUnsafeBytes { raw in
        try body(
          InboundMessage(partCount: ends.count, byteCountMax: .max) { part in
            UnsafeRawBufferPointer(rebasing: raw[(part == 0 ? 0 : ends[part - 1])..<ends[part]])
          })
      }
    }
  }

  /// When it goes on here, unless it is known by then that it goes on elsewhere.
  let dueMilliseconds: UInt64
  /// Whether it goes on elsewhere, which nobody is told before it is as durable as all else.
  var isLeaving = false
  private(set) var messages: [Message] = []
  private(set) var byteCount = 0

  init(dueMilliseconds: UInt64) { self.dueMilliseconds = dueMilliseconds }

  func append(_ message: Message) {
    messages.append(message)
    byteCount += message.byteCount
  }
}
