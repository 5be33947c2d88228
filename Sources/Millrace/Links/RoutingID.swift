/// What a ROUTER calls a peer: 1 to 255 bytes, usually the 5 that libzmq made up.
struct RoutingID: Hashable {
  private let head: UInt64
  /// Bytes behind the eighth; empty, and so without an allocation, for libzmq's own ids.
  private let tail: [UInt8]
  private let count: UInt8

  init(_ bytes: UnsafeRawBufferPointer) {
    var head: UInt64 = 0
    for byte in bytes.prefix(8) { head = head << 8 | UInt64(byte) }
    self.head = head
    tail = bytes.count > 8 ? Array(bytes[8...]) : []
    count = UInt8(clamping: bytes.count)
  }

  var bytes: [UInt8] {
    let inline = min(Int(count), 8)
    return (0..<inline).map { UInt8(truncatingIfNeeded: head >> (8 * (inline - 1 - $0))) } + tail
  }
}
