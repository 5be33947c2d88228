import Wire
import ZeroMQ

/// Numbers what is published, per full topic since the daemon started, so that a reader can count
/// what it lost.
struct TopicSequences {
  private var next: [String: UInt64] = [:]

  /// Topics that are remembered; beyond it all are forgotten and count from 0 again, which readers
  /// take for a restart and not for a loss.
  private static let topicsMax = 100_000

  /// Publishes one message: topic, header, payload, ids, and the note with its sequence.
  ///
  /// PUB and XPUB never wait: at the high-water mark of a reader they drop for that reader.
  mutating func publish(
    topic: String, header: Header, payload: UnsafeRawBufferPointer, ids: UnsafeRawBufferPointer,
    on socket: borrowing Socket<some Sends>
  ) throws {
    if next.count >= TopicSequences.topicsMax { next.removeAll() }
    let sequence = next[topic, default: 0]
    next[topic] = sequence + 1
    var name = topic
    var note = TapNote(sequence: sequence, life: nil).text
    try name.withUTF8 { _ = try socket.send(UnsafeRawBufferPointer($0), more: true) }
    try header.bytes.withUnsafeBytes { _ = try socket.send($0, more: true) }
    _ = try socket.send(payload, more: true)
    _ = try socket.send(ids, more: true)
    try note.withUTF8 { _ = try socket.send(UnsafeRawBufferPointer($0), more: false) }
  }
}
