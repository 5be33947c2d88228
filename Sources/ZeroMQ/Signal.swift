import CZeroMQ
import Glibc
import Synchronization

/// A flag that any thread can raise and a poller can wait on (eventfd(2)).
package final class Signal: Sendable {
  let descriptor: Int32
  /// The same to look at in every turn of a loop, without a call of the system.
  private let flag = Atomic<Bool>(false)

  package init() throws(ZeroMQError) {
    descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard descriptor >= 0 else { throw ZeroMQError("eventfd") }
  }

  deinit { close(descriptor) }

  package func raise() {
    // A full counter means that it is raised. The flag comes second: `lower` finds no flag without a
    // count that it would leave behind for good.
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
    flag.store(true, ordering: .releasing)
  }

  /// Lowers it again, for one that rings each time that there is something to look at.
  package func lower() {
    guard flag.exchange(false, ordering: .acquiringAndReleasing) else { return }
    var count: UInt64 = 0
    // Nothing to read: it was not raised.
    _ = read(descriptor, &count, 8)
  }

  package var isRaised: Bool { flag.load(ordering: .acquiring) }
}
