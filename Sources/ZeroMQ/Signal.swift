import CZeroMQ
import Glibc

/// A flag that any thread can raise and a poller can wait on (eventfd(2)).
package final class Signal: Sendable {
  let descriptor: Int32

  package init() throws(ZeroMQError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard descriptor >= 0 else { throw ZeroMQError("eventfd") }
  }

  deinit { close(descriptor) }

  package func raise() {
    // A full counter means that it is raised.
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  /// Lowers it again, for one that rings each time that there is something to look at.
  package func lower() {
    var count: UInt64 = 0
    // Nothing to read: it was not raised.
    _ = read(descriptor, &count, 8)
  }

  package var isRaised: Bool {
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&item, 1, 0) == 1
  }
}
