import CZeroMQ
import Glibc

/// One end of a connection.
///
/// libzmq forbids use from two threads at once, so a socket is neither copyable nor `Sendable`:
/// make it on the thread that uses it.
package struct Socket<Kind: SocketKind>: ~Copyable {
  let pointer: UnsafeMutableRawPointer
  /// Keeps the context until the socket is closed.
  let context: Context
  let phase = SocketPhase()

  package init(_ context: Context) throws(ZeroMQError) {
    guard let pointer = zmq_socket(context.pointer, Kind.type) else {
      throw ZeroMQError("zmq_socket")
    }
    self.pointer = pointer
    self.context = context
  }

  /// Closes; a monitor is told first, since its reader may be gone when libzmq is done closing.
  deinit {
    zmq_socket_monitor(pointer, nil, 0)
    phase.isOpen = false
    zmq_close(pointer)
  }

  // MARK: Endpoints

  /// Binds; libzmq would take an ipc path away from another process that serves it.
  package func bind(_ endpoint: String) throws(ZeroMQError) {
    if endpoint.hasPrefix("ipc://"), isServed(path: String(endpoint.dropFirst(6))) {
      throw ZeroMQError("zmq_bind", endpoint, code: EADDRINUSE)
    }
    phase.isQuiet = false
    guard zmq_bind(pointer, endpoint) == 0 else { throw ZeroMQError("zmq_bind", endpoint) }
  }

  /// Whether somebody accepts connections at a path.
  private func isServed(path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < capacity else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  package func unbind(_ endpoint: String) throws(ZeroMQError) {
    phase.isQuiet = false
    guard zmq_unbind(pointer, endpoint) == 0 else { throw ZeroMQError("zmq_unbind", endpoint) }
  }

  package func connect(_ endpoint: String) throws(ZeroMQError) {
    phase.isQuiet = false
    guard zmq_connect(pointer, endpoint) == 0 else { throw ZeroMQError("zmq_connect", endpoint) }
  }

  package func disconnect(_ endpoint: String) throws(ZeroMQError) {
    phase.isQuiet = false
    guard zmq_disconnect(pointer, endpoint) == 0 else {
      throw ZeroMQError("zmq_disconnect", endpoint)
    }
  }

  /// The last endpoint bound or connected, with the port that the system chose for `tcp://...:*`.
  package var lastEndpoint: String {
    get throws(ZeroMQError) {
      var size = 1024
      var text = [CChar](repeating: 0, count: size)
      guard zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, &text, &size) == 0 else {
        throw ZeroMQError("zmq_getsockopt", "ZMQ_LAST_ENDPOINT")
      }
      return String(
        decoding: text.prefix(max(size - 1, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// Cuts off the peer of a connection, by the descriptor that a message came by.
  ///
  /// libzmq has no call for it: the kernel ends the connection, and libzmq finds it ended as if the
  /// peer had gone. Call it right behind the message, before another connection has the number.
  package func cutOff(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_RDWR)) }

  // MARK: Options (zmq_setsockopt(3))

  func set(_ option: Int32, _ name: String, _ value: Int32) throws(ZeroMQError) {
    phase.isQuiet = false
    var value = value
    guard zmq_setsockopt(pointer, option, &value, MemoryLayout<Int32>.size) == 0 else {
      throw ZeroMQError("zmq_setsockopt", name)
    }
  }

  func set(_ option: Int32, _ name: String, bytes: UnsafeRawBufferPointer) throws(ZeroMQError) {
    phase.isQuiet = false
    guard zmq_setsockopt(pointer, option, bytes.baseAddress, bytes.count) == 0 else {
      throw ZeroMQError("zmq_setsockopt", name)
    }
  }

  /// Messages queued for sending to each peer; 0 is no bound.
  package func setSendHighWaterMark(_ messages: Int) throws(ZeroMQError) {
    try set(ZMQ_SNDHWM, "ZMQ_SNDHWM", Int32(messages))
  }

  /// Messages queued from each peer; 0 is no bound.
  package func setReceiveHighWaterMark(_ messages: Int) throws(ZeroMQError) {
    try set(ZMQ_RCVHWM, "ZMQ_RCVHWM", Int32(messages))
  }

  /// How long unsent messages outlive the socket; nil is for ever.
  package func setLinger(_ time: Duration?) throws(ZeroMQError) {
    try set(ZMQ_LINGER, "ZMQ_LINGER", time.map(\.wholeMilliseconds) ?? -1)
  }

  /// A peer that sends a larger part is disconnected; -1 is no bound.
  package func setMaximumMessageBytes(_ bytes: Int64) throws(ZeroMQError) {
    var bytes = bytes
    guard zmq_setsockopt(pointer, ZMQ_MAXMSGSIZE, &bytes, MemoryLayout<Int64>.size) == 0 else {
      throw ZeroMQError("zmq_setsockopt", "ZMQ_MAXMSGSIZE")
    }
  }

  /// A peer that has not finished its greeting by then is disconnected.
  package func setHandshakeInterval(_ time: Duration) throws(ZeroMQError) {
    try set(ZMQ_HANDSHAKE_IVL, "ZMQ_HANDSHAKE_IVL", time.wholeMilliseconds)
  }

  /// How long one attempt to connect over tcp may take; the system's own is minutes.
  package func setConnectTimeout(_ time: Duration) throws(ZeroMQError) {
    try set(ZMQ_CONNECT_TIMEOUT, "ZMQ_CONNECT_TIMEOUT", time.wholeMilliseconds)
  }

  /// ZMTP heartbeats: how often, and the silence after which a peer is disconnected.
  package func setHeartbeat(interval: Duration, timeout: Duration) throws(ZeroMQError) {
    try set(ZMQ_HEARTBEAT_IVL, "ZMQ_HEARTBEAT_IVL", interval.wholeMilliseconds)
    try set(ZMQ_HEARTBEAT_TIMEOUT, "ZMQ_HEARTBEAT_TIMEOUT", timeout.wholeMilliseconds)
  }
}

extension Socket where Kind == Router {
  /// Sending to an unknown peer is `.unreachable` instead of a silent drop.
  package func setRouterMandatory(_ isMandatory: Bool) throws(ZeroMQError) {
    try set(ZMQ_ROUTER_MANDATORY, "ZMQ_ROUTER_MANDATORY", isMandatory ? 1 : 0)
  }
}

extension Socket where Kind == Subscribe {
  /// Takes messages whose first part begins with `prefix`; subscriptions are counted.
  package func subscribe(_ prefix: UnsafeRawBufferPointer) throws(ZeroMQError) {
    try set(ZMQ_SUBSCRIBE, "ZMQ_SUBSCRIBE", bytes: prefix)
  }

  package func subscribe(_ prefix: String) throws(ZeroMQError) {
    let bytes = Array(prefix.utf8)
    phase.isQuiet = false
    guard zmq_setsockopt(pointer, ZMQ_SUBSCRIBE, bytes, bytes.count) == 0 else {
      throw ZeroMQError("zmq_setsockopt", "ZMQ_SUBSCRIBE")
    }
  }

  package func unsubscribe(_ prefix: UnsafeRawBufferPointer) throws(ZeroMQError) {
    try set(ZMQ_UNSUBSCRIBE, "ZMQ_UNSUBSCRIBE", bytes: prefix)
  }

  package func unsubscribe(_ prefix: String) throws(ZeroMQError) {
    let bytes = Array(prefix.utf8)
    guard zmq_setsockopt(pointer, ZMQ_UNSUBSCRIBE, bytes, bytes.count) == 0 else {
      throw ZeroMQError("zmq_setsockopt", "ZMQ_UNSUBSCRIBE")
    }
  }
}

extension Duration {
  /// Rounded up, so that a short wait never becomes none; from 0, since -1 is for ever to libzmq.
  var wholeMilliseconds: Int32 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < Int64(Int32.max) / 1000 else { return Int32.max }
    let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return Int32(milliseconds)
  }
}
