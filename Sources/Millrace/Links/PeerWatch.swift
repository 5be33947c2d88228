import Glibc
import ZeroMQ

/// Tells who went from a link's receiving side, and why: what libzmq cuts off, it cuts off in silence.
///
/// Owned by the thread of its socket.
final class PeerWatch {
  /// A peer that went, or was cut off.
  struct Departure {
    let endpoint: String
    /// Whether a message of it was ever read.
    let wasHeard: Bool
    let reason: String
  }

  private var monitor: SocketMonitor
  /// Descriptors of connections by which a message came.
  private var heard: Set<Int32> = []
  private var events: [SocketEvent] = []
  /// Why the handshake that ends next failed.
  private var failure: String?

  /// Events kept between two readings; a flood of connections beyond it is not told one by one.
  private static let eventsMax = 4096

  /// Make it before the socket is bound.
  init(_ socket: borrowing Socket<Router>) throws { monitor = try SocketMonitor(socket) }

  /// A first message came by this connection.
  func hear(from descriptor: Int32?) {
    if let descriptor { heard.insert(descriptor) }
  }

  /// Takes note of what has happened; call it before messages are read.
  func gather() throws {
    while let event = try monitor.next() {
      if events.count < PeerWatch.eventsMax { events.append(event) }
    }
  }

  /// Who went before the last `gather`; call it when all messages have been read.
  func departures() -> [Departure] {
    guard !events.isEmpty else { return [] }
    defer { events.removeAll() }
    return events.compactMap(departure)
  }

  private func departure(_ event: SocketEvent) -> Departure? {
    switch event.kind {
    // Each is followed by the going of the same connection.
    case .handshakeFailed(let code):
      failure = "its handshake was not finished: \(String(cString: strerror(code))) (\(code))"
    case .handshakeBrokeProtocol(let error):
      failure = "its handshake broke ZMTP: 0x\(String(error, radix: 16))"
    case .handshakeRefused(let status): failure = "its handshake was refused: \(status)"
    case .disconnected:
      defer { failure = nil }
      let wasHeard = event.descriptor.map { heard.remove($0) != nil } ?? false
      let bound = "a part over \(Limits.messageBytes) bytes"
      return Departure(
        endpoint: event.endpoint, wasHeard: wasHeard,
        reason: failure
          ?? (wasHeard
            ? "it closed the connection, or sent \(bound)"
            : "no message came: it spoke no ZMTP, was no DEALER, sent \(bound), or just left"))
    default: break
    }
    return nil
  }
}
