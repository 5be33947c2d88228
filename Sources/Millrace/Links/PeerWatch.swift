import Glibc
import ZeroMQ

/// Tells who went from a socket that is bound, and why: what libzmq cuts off, it cuts off in silence.
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
  private let use: EndpointUse
  private let guarding: EndpointGuard
  /// Connections that are open, greeted or not.
  private var open: Set<Int32> = []
  /// Those of them that were cut off, being too many.
  private var excess: Set<Int32> = []

  /// Events kept between two readings; a flood of connections beyond it is not told one by one.
  private static let eventsMax = 4096

  /// Make it before the socket is bound.
  init(
    _ socket: borrowing Socket<some SocketKind>, use: EndpointUse, guarding: EndpointGuard
  ) throws {
    monitor = try SocketMonitor(socket)
    self.use = use
    self.guarding = guarding
  }

  /// A first message came by this connection.
  func hear(from descriptor: Int32?) {
    if let descriptor { heard.insert(descriptor) }
  }

  /// Has a poller wake up for who comes and goes; returns the item's index.
  func add(to poller: inout Poller) -> Int { poller.add(monitor) }

  /// Connections that are open and were not cut off.
  var connectionCount: Int { open.count }

  /// Takes note of what has happened; call it before messages are read.
  func gather() throws {
    while let event = try monitor.next() {
      bound(event)
      if events.count < PeerWatch.eventsMax { events.append(event) }
    }
  }

  /// Cuts off who comes when there are as many as may be; libzmq knows no such bound.
  private func bound(_ event: SocketEvent) {
    guard let descriptor = event.descriptor else { return }
    if event.kind == .disconnected { open.remove(descriptor) }
    guard event.kind == .accepted else { return }
    if open.count < guarding.connectionsMax {
      open.insert(descriptor)
    } else {
      shutdown(descriptor, Int32(SHUT_RDWR))
      excess.insert(descriptor)
      guarding.count(.connections, at: use)
    }
  }

  /// Who went before the last `gather`; call it when all messages have been read.
  func departures() -> [Departure] {
    guard !events.isEmpty else { return [] }
    defer { events.removeAll() }
    return events.compactMap(departure)
  }

  private func departure(_ event: SocketEvent) -> Departure? {
    // Each is followed by the going of the same connection.
    if let trouble = HandshakeTrouble(event.kind) {
      failure = words(for: trouble)
    }
    switch event.kind {
    case .disconnected:
      defer { failure = nil }
      if let descriptor = event.descriptor, excess.remove(descriptor) != nil {
        return Departure(
          endpoint: event.endpoint, wasHeard: false,
          reason: "there are \(guarding.connectionsMax) connections already")
      }
      if failure != nil { guarding.count(.handshake, at: use) }
      let wasHeard = event.descriptor.map { heard.remove($0) != nil } ?? false
      let bound = "a part over \(Limits.messageBytes) bytes"
      return Departure(
        endpoint: event.endpoint, wasHeard: wasHeard,
        reason: failure
          ?? (wasHeard
            ? "it closed the connection, or sent \(bound)"
            : "no message came: it was not let in, spoke no ZMTP, was of a wrong kind, sent \(bound), "
              + "or just left"))
    default: break
    }
    return nil
  }

  private func words(for trouble: HandshakeTrouble) -> String {
    switch trouble {
    case .refused(let status): "its handshake was refused: \(status)"
    case .mechanism:
      "its handshake was without CURVE at an encrypted endpoint, or the other way round"
    case .cryptographic: "its handshake was not encrypted for this daemon's public key"
    case .broken(let error): "its handshake broke ZMTP: 0x\(String(error, radix: 16))"
    case .unfinished(let code):
      "its handshake was not finished: \(String(cString: strerror(code))) (\(code))"
        + (guarding.publicKey == nil ? "" : "; it may speak no CURVE")
    }
  }
}
