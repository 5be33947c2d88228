import ZeroMQ

/// A subscriber to taps or published output, which reads only when it is told to.
final class TapSubscriber {
  private let socket: Socket<Subscribe>
  private var message = Multipart(capacity: 8)

  init(
    _ endpoint: String, topic: String, queueMessages: Int, keys: CurveClientKeys? = nil
  ) throws {
    socket = try Socket<Subscribe>(try Context())
    try socket.setReceiveHighWaterMark(queueMessages)
    if let keys { try socket.setCurveClient(keys) }
    try socket.connect(endpoint)
    try socket.subscribe(topic)
  }

  func subscribe(_ topic: String) throws { try socket.subscribe(topic) }

  /// The next message; nil when `patience` is over.
  func receive(within patience: Duration) throws -> ReceivedMessage? {
    var poller = Poller()
    poller.add(socket)
    let end = ContinuousClock.now + patience
    while try !socket.receive(into: &message) {
      let left = end - .now
      guard left > .zero else { return nil }
      _ = try poller.wait(timeout: left)
    }
    return try ReceivedMessage(parts: (0..<message.partCount).map { Array(message.bytes($0)) })
  }
}
