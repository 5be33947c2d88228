import Durability
import Synchronization
import ZeroMQ

/// Rings a loop behind commits of the store, as long as the loop wants it to, and when the store is in
/// trouble.
///
/// Each ring costs the store's thread a call of the system and wakes a thread.
final class CommitBell: Sendable {
  let signal: Signal
  private let isWanted = Atomic<Bool>(false)

  init(_ store: StateStore) throws {
    signal = try Signal()
    store.onCommit { [self] outcome in
      if outcome != .committed || isWanted.load(ordering: .relaxed) { signal.raise() }
    }
  }

  /// To be said before what is waited for is handed to the store: the commit may come at once.
  func want(_ isWanted: Bool) { self.isWanted.store(isWanted, ordering: .relaxed) }

  func lower() { signal.lower() }
}
