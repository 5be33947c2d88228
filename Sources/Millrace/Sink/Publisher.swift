import Wire
import ZeroMQ

/// Published output: an XPUB socket, a PUB to its readers, with topics `output/NAME/`, and `alarm/NAME/` for alarms.
///
/// A subscriber may lose messages and counts them by `sequence`; who must not lose uses replies or
/// the file.
final class Publisher {
  private let subscribers: Subscribers
  private let format: PipelineFile.SinkSection.Format
  private var sequences = TopicSequences()

  init(
    _ control: StageControl, endpoint: String, format: PipelineFile.SinkSection.Format,
    subscriptions: Int
  ) throws {
    self.format = format
    subscribers = try Subscribers(
      control, context: control.context, use: .publish, endpoints: [endpoint],
      linger: .milliseconds(500),
      subscriptions: subscriptions)
  }

  /// Takes note of who came, and of what is subscribed to.
  func readSubscriptions() throws { try subscribers.read(limit: Limits.drainMessages) { _, _ in } }

  /// Publishes one output line, unless the format is `tensor`.
  func publish(line: [UInt8], stream: StreamID, answer: Header, row: Int) throws {
    guard format == .json else { return }
    var header = answer
    header.number += UInt64(row)
    header.elementType = .json
    header.count = 1
    header.width = UInt32(line.count - 1)
    try line.withUnsafeBytes {
      // Without the newline: a message has its own end.
      try publish(header, stream, UnsafeRawBufferPointer(rebasing: $0.dropLast()))
    }
  }

  /// Publishes an answer's rows from `first` on as they came, when the format is `tensor`.
  func publish(
    tensor answer: InboundMessage, _ header: Header, from first: Int, stream: StreamID
  ) throws {
    guard format == .tensor else { return }
    var header = header
    header.number += UInt64(first)
    header.count -= UInt32(first)
    let rows = UnsafeRawBufferPointer(
      rebasing: answer.payload.dropFirst(first * Int(header.width) * header.elementType.byteCount))
    let ids = UnsafeRawBufferPointer(rebasing: answer.ids.dropFirst(first * 4))
    try publish(header, stream, rows, ids: ids)
  }

  /// Publishes the line of an alarm, in either format.
  func publish(alarm line: [UInt8], stream: StreamID, number: UInt64, answer: Header) throws {
    var header = answer
    header.number = number
    header.elementType = .json
    header.count = 1
    header.width = UInt32(line.count - 1)
    header.flags = []
    try line.withUnsafeBytes {
      try publish(header, stream, UnsafeRawBufferPointer(rebasing: $0.dropLast()), kind: "alarm")
    }
  }

  private func publish(
    _ header: Header, _ stream: StreamID, _ payload: UnsafeRawBufferPointer,
    ids: UnsafeRawBufferPointer = .init(start: nil, count: 0), kind: String = "output"
  ) throws {
    try sequences.publish(
      topic: "\(kind)/\(stream.name)/", header: header, payload: payload, ids: ids,
      on: subscribers.socket)
  }
}
