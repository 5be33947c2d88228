import CZeroMQ

/// Something that happened to a connection, as a `SocketMonitor` tells it (zmq_socket_monitor(3)).
package struct SocketEvent: Equatable, Sendable {
  package let kind: Kind
  /// Whose connection: what was bound or connected; empty for `.stopped`.
  ///
  /// For `.bindFailed` libzmq leaves out `tcp://`.
  package let endpoint: String
  /// The connection's file descriptor, which another may have later; nil where libzmq does not tell.
  package let descriptor: Int32?

  /// What happened; a `code` is an errno unless it says otherwise.
  package enum Kind: Equatable, Sendable {
    case connected
    /// The connection could not be made at once and goes on in the background.
    case connectDelayed
    /// The next attempt follows after this time.
    case connectRetried(after: Duration)
    case listening
    case bindFailed(code: Int32)
    case accepted
    case acceptFailed(code: Int32)
    case closed
    case closeFailed(code: Int32)
    /// The peer went, or was disconnected for breaking a bound.
    case disconnected
    /// The monitored socket has closed: nothing follows.
    case stopped
    /// From here on messages flow.
    case handshakeSucceeded
    /// The peer went or kept silent during the handshake.
    case handshakeFailed(code: Int32)
    /// The peer broke ZMTP; `ZMQ_PROTOCOL_ERROR_...`.
    ///
    /// A peer of a kind that does not fit is only `.disconnected`.
    case handshakeBrokeProtocol(error: UInt32)
    /// The peer was not let in; a ZAP status code: 300, 400 or 500.
    case handshakeRefused(status: UInt32)
  }

  /// The events that `Kind` knows, as zmq_socket_monitor takes them.
  static let known =
    ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED
    | ZMQ_EVENT_LISTENING | ZMQ_EVENT_BIND_FAILED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED
    | ZMQ_EVENT_CLOSED | ZMQ_EVENT_CLOSE_FAILED | ZMQ_EVENT_DISCONNECTED
    | ZMQ_EVENT_MONITOR_STOPPED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED
    | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
    | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
}

extension SocketEvent {
  /// Reads the two parts of an event: 16 bits of event and 32 of value, both in the order of the
  /// machine and not aligned; then the endpoint.
  ///
  /// - Parameter message: one message from the monitor's socket.
  init(_ message: borrowing Multipart) {
    precondition(message.partCount == 2, "an event has 2 parts, not \(message.partCount)")
    let head = message.bytes(0)
    let value = head.loadUnaligned(fromByteOffset: 2, as: UInt32.self)
    kind = Kind(event: Int32(head.loadUnaligned(as: UInt16.self)), value: value)
    endpoint = message.string(1)
    switch kind {
    case .connected, .listening, .accepted, .closed, .disconnected:
      descriptor = Int32(bitPattern: value)
    default: descriptor = nil
    }
  }
}

extension SocketEvent.Kind {
  fileprivate init(event: Int32, value: UInt32) {
    let code = Int32(bitPattern: value)
    self =
      switch event {
      case ZMQ_EVENT_CONNECTED: .connected
      case ZMQ_EVENT_CONNECT_DELAYED: .connectDelayed
      case ZMQ_EVENT_CONNECT_RETRIED: .connectRetried(after: .milliseconds(code))
      case ZMQ_EVENT_LISTENING: .listening
      case ZMQ_EVENT_BIND_FAILED: .bindFailed(code: code)
      case ZMQ_EVENT_ACCEPTED: .accepted
      case ZMQ_EVENT_ACCEPT_FAILED: .acceptFailed(code: code)
      case ZMQ_EVENT_CLOSED: .closed
      case ZMQ_EVENT_CLOSE_FAILED: .closeFailed(code: code)
      case ZMQ_EVENT_DISCONNECTED: .disconnected
      case ZMQ_EVENT_MONITOR_STOPPED: .stopped
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: .handshakeSucceeded
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: .handshakeFailed(code: code)
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: .handshakeBrokeProtocol(error: value)
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: .handshakeRefused(status: value)
      default: preconditionFailure("libzmq sent event \(event), which was not asked for")
      }
  }
}
