import Synchronization
import ZeroMQ

/// Where the stages of a process hand over what is to be published, and where the relay finds it.
package final class TapFeed: Sendable {
  /// Where the stages are told what is subscribed to, inside the process.
  let endpoint: String
  private let shared = Mutex((queues: [TapQueue](), bell: Signal?.none))
  /// Whether the relay has found all queues empty and waits for the bell.
  private let isAsleep = Atomic(false)

  init(endpoint: String) { self.endpoint = endpoint }

  func add(_ queue: TapQueue) { shared.withLock { $0.queues.append(queue) } }

  var queues: [TapQueue] { shared.withLock { $0.queues } }

  /// Wakes the relay, once, when it sleeps; call it behind an offer.
  func ring() {
    // The offer is seen by the one who falls asleep, or its falling asleep here.
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard isAsleep.load(ordering: .relaxed), isAsleep.exchange(false, ordering: .relaxed) else {
      return
    }
    shared.withLock { $0.bell }?.raise()
  }

  /// The relay's bell, which `ring` raises.
  func wake(by bell: Signal) { shared.withLock { $0.bell = bell } }

  /// Has the next offer ring; false when there is something already.
  func fallAsleep(over queues: [TapQueue]) -> Bool {
    isAsleep.store(true, ordering: .relaxed)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    guard queues.allSatisfy(\.isEmpty) else {
      isAsleep.store(false, ordering: .relaxed)
      return false
    }
    return true
  }
}
