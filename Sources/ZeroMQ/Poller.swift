import CZeroMQ

/// Waits on several sockets and signals of one thread (zmq_poll(3)).
///
/// One message a poll costs four to five times the throughput: read until there is nothing, with a
/// bound, before waiting again. What is added must outlive the poller.
package struct Poller {
  private var items: [zmq_pollitem_t] = []

  package init() {}

  /// Adds a socket to be waited on for reading; returns its index.
  @discardableResult
  package mutating func add(_ socket: borrowing Socket<some Receives>) -> Int {
    items.append(
      zmq_pollitem_t(socket: socket.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    return items.count - 1
  }

  /// Adds the events of a monitor.
  @discardableResult
  package mutating func add(_ monitor: borrowing SocketMonitor) -> Int { add(monitor.events) }

  @discardableResult
  package mutating func add(_ signal: Signal) -> Int { add(descriptor: signal.descriptor) }

  /// Adds a plain file descriptor to be waited on for reading.
  @discardableResult
  package mutating func add(descriptor: Int32) -> Int {
    items.append(zmq_pollitem_t(socket: nil, fd: descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    return items.count - 1
  }

  /// Waits until one is readable; returns how many are, 0 after the time-out or a signal (EINTR).
  ///
  /// A nil time-out waits for ever, one below zero not at all.
  package mutating func wait(timeout: Duration?) throws(ZeroMQError) -> Int {
    let milliseconds = timeout.map { Int($0.wholeMilliseconds) } ?? -1
    let count = items.withUnsafeMutableBufferPointer {
      zmq_poll($0.baseAddress, Int32($0.count), milliseconds)
    }
    guard count < 0 else { return Int(count) }
    guard zmq_errno() == EINTR else { throw ZeroMQError("zmq_poll") }
    for index in items.indices { items[index].revents = 0 }
    return 0
  }

  /// Whether the item was readable when `wait` returned.
  package func isReadable(_ index: Int) -> Bool {
    items[index].revents & Int16(ZMQ_POLLIN | ZMQ_POLLERR) != 0
  }
}
