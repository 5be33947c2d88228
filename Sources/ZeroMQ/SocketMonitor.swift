import CZeroMQ

/// Tells what happens to the connections of one socket (zmq_socket_monitor(3)).
///
/// It lives on the thread of its socket, and either may go first. Read it in the loop that reads
/// the socket: its queue has no bound, since libzmq sends events with a blocking call from its I/O
/// thread (`socket_base_t::monitor_event`), so that a full queue would stop every socket of the
/// context. inproc connections have no events.
package struct SocketMonitor: ~Copyable {
  let events: Socket<Pair>
  private let monitored: UnsafeMutableRawPointer
  private let phase: SocketPhase
  private var message = Multipart(capacity: 2)

  /// Begins to watch `socket`; a monitor that it had gets `.stopped` as its last event.
  ///
  /// Make it before `bind` or `connect`, so as to miss nothing.
  package init(_ socket: borrowing Socket<some SocketKind>) throws(ZeroMQError) {
    let endpoint = "inproc://socket-monitor-\(socket.context.nextMonitorNumber())"
    let events = try Socket<Pair>(socket.context)
    try events.setReceiveHighWaterMark(0)
    try events.setLinger(.zero)
    // Before there is anything to connect to, which inproc allows (zmq_inproc(7)): a PAIR without
    // a peer would block the thread of the first event.
    try events.connect(endpoint)
    guard zmq_socket_monitor(socket.pointer, endpoint, SocketEvent.known) == 0 else {
      throw ZeroMQError("zmq_socket_monitor", endpoint)
    }
    self.events = events
    monitored = socket.pointer
    phase = socket.phase
  }

  /// Ends the watching before its reader goes, or the next event would block its thread for ever.
  deinit {
    if phase.isOpen { zmq_socket_monitor(monitored, nil, 0) }
  }

  /// The next event without waiting; nil when there is none.
  package mutating func next() throws(ZeroMQError) -> SocketEvent? {
    try events.receive(into: &message) ? SocketEvent(message) : nil
  }
}
