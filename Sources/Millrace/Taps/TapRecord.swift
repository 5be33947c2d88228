import Wire
import ZeroMQ

/// A message of a tap on its way from a stage to the thread that publishes it, in one piece:
/// three lengths and flags, sequence, life, header, topic, payload, ids.
struct TapRecord {
  private static let fixedByteCount = 32 + Header.byteCount

  let topic: UnsafeRawBufferPointer
  let header: UnsafeRawBufferPointer
  let payload: UnsafeRawBufferPointer
  let ids: UnsafeRawBufferPointer
  let sequence: UInt64
  let life: UInt64?

  static func byteCount(topic: Int, payload: Int, ids: Int) -> Int {
    fixedByteCount + topic + payload + ids
  }

  /// Writes one; `buffer` has the bytes that `byteCount` says.
  static func write(
    topic: UnsafeRawBufferPointer, header: Header, payload: UnsafeRawBufferPointer,
    ids: UnsafeRawBufferPointer, sequence: UInt64, life: UInt64?,
    into buffer: UnsafeMutableRawBufferPointer
  ) {
    buffer.storeBytes(of: UInt32(topic.count), as: UInt32.self)
    buffer.storeBytes(of: UInt32(payload.count), toByteOffset: 4, as: UInt32.self)
    buffer.storeBytes(of: UInt32(ids.count), toByteOffset: 8, as: UInt32.self)
    buffer.storeBytes(of: life == nil ? 0 : 1, toByteOffset: 12, as: UInt32.self)
    buffer.storeBytes(of: sequence, toByteOffset: 16, as: UInt64.self)
    buffer.storeBytes(of: life ?? 0, toByteOffset: 24, as: UInt64.self)
    header.encode(into: UnsafeMutableRawBufferPointer(rebasing: buffer[32..<fixedByteCount]))
    var place = fixedByteCount
    for part in [topic, payload, ids] where !part.isEmpty {
      UnsafeMutableRawBufferPointer(rebasing: buffer[place...]).copyMemory(from: part)
      place += part.count
    }
  }

  /// Reads one that `write` wrote; valid as long as its bytes.
  init(_ bytes: UnsafeRawBufferPointer) {
    let lengths = (0..<3).map { Int(bytes.load(fromByteOffset: $0 * 4, as: UInt32.self)) }
    let topicEnd = TapRecord.fixedByteCount + lengths[0]
    let payloadEnd = topicEnd + lengths[1]
    header = UnsafeRawBufferPointer(rebasing: bytes[32..<TapRecord.fixedByteCount])
    topic = UnsafeRawBufferPointer(rebasing: bytes[TapRecord.fixedByteCount..<topicEnd])
    payload = UnsafeRawBufferPointer(rebasing: bytes[topicEnd..<payloadEnd])
    ids = UnsafeRawBufferPointer(rebasing: bytes[payloadEnd..<payloadEnd + lengths[2]])
    sequence = bytes.load(fromByteOffset: 16, as: UInt64.self)
    life =
      bytes.load(fromByteOffset: 12, as: UInt32.self) == 0
      ? nil : bytes.load(fromByteOffset: 24, as: UInt64.self)
  }

  /// The same on a socket: topic, header, payload, ids, and the note with its sequence.
  ///
  /// XPUB never waits: at the high-water mark of a reader it drops for that reader.
  func send(on socket: borrowing Socket<some Sends>) throws(ZeroMQError) {
    for part in [topic, header, payload, ids] { _ = try socket.send(part, more: true) }
    _ = try socket.send(TapNote(sequence: sequence, life: life).text, more: false)
  }
}
