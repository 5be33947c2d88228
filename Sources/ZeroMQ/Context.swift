import CZeroMQ
import Synchronization

/// A libzmq context; it ends when the last socket that was made from it has gone.
///
/// The one part of libzmq that may be shared between threads (zmq_ctx_new(3)).
package final class Context: @unchecked Sendable {  // why: zmq_ctx_new(3): contexts are thread safe
  let pointer: UnsafeMutableRawPointer
  private let monitorsMade = Atomic<Int>(0)

  /// Makes a context; one of its `ioThreads` moves about a gigabyte a second.
  ///
  /// - Parameters:
  ///   - ioThreads: `ZMQ_IO_THREADS`.
  ///   - maxSockets: `ZMQ_MAX_SOCKETS`.
  /// - Throws: a `ZeroMQError` when the system has no more descriptors.
  package init(ioThreads: Int32 = 1, maxSockets: Int32 = 4096) throws(ZeroMQError) {
    guard let pointer = zmq_ctx_new() else { throw ZeroMQError("zmq_ctx_new") }
    self.pointer = pointer
    guard zmq_ctx_set(pointer, ZMQ_IO_THREADS, ioThreads) == 0,
      zmq_ctx_set(pointer, ZMQ_MAX_SOCKETS, maxSockets) == 0
    else { throw ZeroMQError("zmq_ctx_set") }
  }

  /// Waits until what sockets left unsent is out, as their linger allows (zmq_ctx_term(3)).
  deinit {
    while zmq_ctx_term(pointer) != 0, zmq_errno() == EINTR {}
  }

  /// Makes every blocked call fail with ETERM (zmq_ctx_shutdown(3)).
  package func shutdown() { zmq_ctx_shutdown(pointer) }

  /// Names a monitor's inproc endpoint, which must be new in the context (zmq_inproc(7)).
  func nextMonitorNumber() -> Int {
    monitorsMade.wrappingAdd(1, ordering: .relaxed).newValue
  }
}
