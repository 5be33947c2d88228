import CZeroMQ
import Glibc

/// Waits on several sockets and signals of one thread, as zmq_poll(3) does with fewer calls of the
/// system.
///
/// A socket's descriptor (`ZMQ_FD`) tells only that something has happened to it since libzmq looked
/// last. So `ZMQ_EVENTS` is read before the wait of those sockets that were used since, and behind it of
/// those whose descriptor woke it; zmq_poll reads it of every socket both times.
///
/// One message a poll costs four to five times the throughput: read until there is nothing, with a
/// bound, before waiting again. What is added must outlive the poller.
package struct Poller {
  private var descriptors: [pollfd] = []
  /// Nil for a plain descriptor.
  private var sockets: [(pointer: UnsafeMutableRawPointer, phase: SocketPhase)?] = []
  private var readable: [Bool] = []
  /// Whether nobody has looked at what the last wait found.
  private var isFresh = false

  package init() {}

  /// How many items were added.
  package var count: Int { sockets.count }

  /// Adds a socket to be waited on for reading; returns its index.
  @discardableResult
  package mutating func add(_ socket: borrowing Socket<some Receives>) -> Int {
    var descriptor: Int32 = -1
    var size = MemoryLayout<Int32>.size
    // Where this fails the context has ended, which the wait says.
    zmq_getsockopt(socket.pointer, ZMQ_FD, &descriptor, &size)
    return add(descriptor, (socket.pointer, socket.phase))
  }

  /// Adds the events of a monitor.
  @discardableResult
  package mutating func add(_ monitor: borrowing SocketMonitor) -> Int { add(monitor.events) }

  @discardableResult
  package mutating func add(_ signal: Signal) -> Int { add(descriptor: signal.descriptor) }

  /// Adds a plain file descriptor to be waited on for reading.
  @discardableResult
  package mutating func add(descriptor: Int32) -> Int { add(descriptor, nil) }

  private mutating func add(
    _ descriptor: Int32, _ socket: (pointer: UnsafeMutableRawPointer, phase: SocketPhase)?
  ) -> Int {
    descriptors.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    sockets.append(socket)
    readable.append(false)
    return descriptors.count - 1
  }

  /// Waits until one is readable; returns how many are, 0 after the time-out or a signal (EINTR).
  ///
  /// A nil time-out waits for ever, one below zero not at all. With `first` only so many items are
  /// looked at, those that were added first; the others count as not readable.
  package mutating func wait(
    timeout: Duration?, first watched: Int? = nil
  ) throws(ZeroMQError) -> Int {
    let watched = watched ?? count
    var count = 0
    isFresh = true
    for index in sockets.indices {
      readable[index] = index < watched ? try hasMessage(index, ifUsed: true) : false
      if readable[index] { count += 1 }
    }
    let whole = timeout.map(\.wholeMilliseconds) ?? -1
    var left = count > 0 ? 0 : whole
    let began = left > 0 ? Poller.milliseconds : 0
    while true {
      let woken = poll(&descriptors, nfds_t(watched), left)
      guard woken >= 0 else {
        guard errno == EINTR else { throw ZeroMQError("poll", "", code: errno) }
        return count
      }
      for index in 0..<watched where woken > 0 && descriptors[index].revents != 0 {
        guard !readable[index] else { continue }
        readable[index] = sockets[index] == nil ? true : try hasMessage(index, ifUsed: false)
        if readable[index] { count += 1 }
      }
      if count > 0 || left == 0 { return count }
      // A socket has heard of something else than a message: the rest of the time is waited for.
      if left > 0 { left = Int32(max(0, Int64(whole) - (Poller.milliseconds - began))) }
    }
  }

  /// Finds out what is readable at the start of a loop's turn: what the wait before it has found, or
  /// where there was none, or `anew`, what one without patience finds.
  package mutating func look(anew: Bool = false) throws(ZeroMQError) {
    if anew || !isFresh { _ = try wait(timeout: .zero) }
    isFresh = false
  }

  /// Whether a socket can be read; libzmq takes note of what has come meanwhile.
  private func hasMessage(_ index: Int, ifUsed: Bool) throws(ZeroMQError) -> Bool {
    guard let (pointer, phase) = sockets[index], !(ifUsed && phase.isQuiet) else { return false }
    var events: Int32 = 0
    var size = MemoryLayout<Int32>.size
    while zmq_getsockopt(pointer, ZMQ_EVENTS, &events, &size) != 0 {
      guard zmq_errno() == EINTR else { throw ZeroMQError("zmq_getsockopt", "ZMQ_EVENTS") }
    }
    phase.isQuiet = events & Int32(ZMQ_POLLIN) == 0
    return !phase.isQuiet
  }

  private static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Whether the item was readable when `wait` returned; nil stands for what was not added.
  package func isReadable(_ index: Int?) -> Bool { index.map { readable[$0] } ?? false }
}
