import Foundation
import GRDB
import Synchronization

/// What a daemon must not forget, in one SQLite file: accepted inputs, the states of streams, and how
/// far the output is written.
///
/// Stages hand changes over and go on; a thread of the store's own commits what has gathered, in
/// transactions. A change counts when its ticket is committed. Rows of streams, of which there may be
/// thousands at a time, are committed a few at a time, behind the input that came meanwhile.
///
/// WAL mode: with `synchronous=NORMAL` a commit survives a killed process, with `FULL` a power cut
/// (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
package final class StateStore: Sendable {
  package let path: String
  package let durability: Durability
  let pool: DatabasePool
  private let lock: Int32
  private let pending: Mutex<PendingChanges>
  private let hasWork = DispatchSemaphore(value: 0)
  private let isFinished = DispatchSemaphore(value: 0)
  private let committedTicket = Atomic<UInt64>(0)
  private let committedRows = Atomic<UInt64>(0)
  private let waitingBytes = Atomic<Int>(0)
  private let troubles = Mutex(Troubles())
  private let stalledFlag = Atomic<Bool>(false)
  private let listeners = Mutex<[@Sendable (CommitOutcome) -> Void]>([])
  /// The output file, once it is known.
  private let output = Mutex<Int32?>(nil)
  /// Changes since SQLite's log was put into its file.
  private let logBytes = Atomic<Int>(0)
  private let commitNanoseconds = Atomic<UInt64>(0)
  private let rowsPerCommit: Int
  private let emptier: LogEmptier

  /// What was handed over, to ask whether it is committed.
  package struct Ticket: Sendable {
    fileprivate let isOfRows: Bool
    fileprivate let number: UInt64

    /// Of what was committed before this process began.
    package static let committed = Ticket(isOfRows: false, number: 0)
  }

  /// What became of an attempt to commit.
  package enum CommitOutcome {
    case committed
    /// Nothing was written; to be tried again later.
    case diskIsFull
    /// The store cannot be used any more: `check` says why.
    case failed
  }

  private struct Troubles {
    var fatal: StoreError?
    /// Why it waits to write again.
    var stalled: String?
  }

  /// Changes that may wait; stages take nothing in beyond it.
  private static let waitingBytesMax = 64 << 20
  /// Input waits for no more of them, or for a small part of all that wait: a millisecond or two.
  package static let rowsPerCommit = 32
  /// Between two commits more gathers, for twice as long as the one before took, within these bounds:
  /// the more there is to write, the fewer commits carry it.
  private static let gatherMicroseconds = UInt32(200)...1000
  /// Changes behind which SQLite's log goes into its file.
  private static let logBytesMax = 4 << 20
  /// How long somebody else's lock is waited for.
  static let busySeconds: TimeInterval = 2
  /// How long a full disk is left alone.
  private static let fullDiskMicroseconds: UInt32 = 200_000

  /// Opens or makes the store, checks it, takes its lock, and starts the thread that commits.
  ///
  /// - Parameters:
  ///   - path: the SQLite file; its folder must exist.
  ///   - durability: `os` or `fsync`.
  ///   - owner: what the state belongs to, by name: the model's hash, the precision, the tokenizer.
  ///   - replacing: names of those that may be others than the store has, which then has the new ones.
  /// - Throws: a `StoreError`.
  package convenience init(
    path: String, durability: Durability, owner: [String: String], replacing: Set<String> = []
  ) throws(StoreError) {
    try self.init(
      committedByCallerAt: path, durability: durability, owner: owner, replacing: replacing)
    pending.withLock { $0.hasThread = true }
    let thread = Thread { [self] in
      Thread.current.name = "store"
      write()
    }
    thread.start()
  }

  /// As above, but nothing is committed until somebody calls `commitGathered`.
  package init(
    committedByCallerAt path: String, durability: Durability, owner: [String: String],
    replacing: Set<String> = [], rowsPerCommit: Int = StateStore.rowsPerCommit
  ) throws(StoreError) {
    self.rowsPerCommit = rowsPerCommit
    pending = Mutex(PendingChanges(hasThread: false))
    self.path = path
    self.durability = durability
    lock = try StateStore.lock(path)
    do {
      pool = try StateStore.pool(at: path, durability)
      try pool.write { database in
        try StoreSchema.prepare(database, path)
        try StoreSchema.checkSeals(database, path)
        try StateStore.claim(for: owner, replacing: replacing, database, path)
      }
      emptier = try LogEmptier(StateStore.second(at: path, durability), path: path)
    } catch {
      close(lock)
      throw StateStore.error(error, path)
    }
  }

  deinit {
    if let output = output.withLock(\.self) { close(output) }
    // Of a store that failed or was not finished. In this order: with the lock it may be opened anew.
    try? pool.close()  // why: what is committed is there for the next start
    emptier.closeFile()
    close(lock)
  }

  // MARK: Handing over

  /// Hands changes over, to be committed together and in this order; returns the ticket to wait for.
  @discardableResult
  package func submit(_ changes: [StoreChange]) -> Ticket {
    submit(changes) { pending in
      pending.append(changes)
      return Ticket(isOfRows: false, number: pending.ticket)
    }
  }

  /// Hands rows of streams over, and what may go behind them; they are committed in this order, not all
  /// at once, and changes that are handed over later may come first.
  ///
  /// In the order of the streams' names they cost least: a page of the file holds the rows of
  /// neighbours, and is written once for those of a transaction.
  @discardableResult
  package func submit(rows: [StoreChange]) -> Ticket {
    submit(rows) { pending in
      pending.append(rows: rows)
      return Ticket(isOfRows: true, number: pending.rowTicket)
    }
  }

  private func submit(
    _ changes: [StoreChange], _ append: (inout PendingChanges) -> Ticket
  ) -> Ticket {
    let bytes = changes.reduce(0) { $0 + $1.byteCount }
    waitingBytes.add(bytes, ordering: .relaxed)
    let (ticket, wakes) = pending.withLock { (append(&$0), $0.wake()) }
    if wakes { hasWork.signal() }
    return ticket
  }

  /// Has `listener` called behind each attempt to commit, on the store's thread.
  package func onCommit(_ listener: @escaping @Sendable (CommitOutcome) -> Void) {
    listeners.withLock { $0.append(listener) }
  }

  /// How long the newest commit took; for listeners.
  package var newestCommitNanoseconds: UInt64 { commitNanoseconds.load(ordering: .relaxed) }

  /// Whether all that was handed over with a ticket is committed.
  package func isCommitted(_ ticket: Ticket) -> Bool {
    let committed =
      ticket.isOfRows
      ? committedRows.load(ordering: .acquiring) : committedTicket.load(ordering: .acquiring)
    return committed >= ticket.number
  }

  /// Whether more may be handed over now.
  package var hasRoom: Bool {
    waitingBytes.load(ordering: .relaxed) < StateStore.waitingBytesMax && !isStalled
  }

  /// Whether nothing can be written for the moment; asked in every turn of a loop.
  package var isStalled: Bool { stalledFlag.load(ordering: .relaxed) }

  /// Why: a full disk.
  package var stalled: String? { troubles.withLock(\.stalled) }

  /// - Throws: the error that ended the store.
  package func check() throws(StoreError) {
    if let fatal = troubles.withLock(\.fatal) { throw fatal }
  }

  /// Commits what is left and lets go of the file.
  package func finish() {
    let (wasClosing, hadThread, wakes) = pending.withLock { pending in
      defer { pending.isClosing = true }
      return (pending.isClosing, pending.hasThread, pending.wake())
    }
    guard !wasClosing else { return }
    if hadThread {
      if wakes { hasWork.signal() }
      isFinished.wait()
    } else {
      while commitGathered() == .committed, !pending.withLock(\.isEmpty) {}
    }
    emptier.finish()
    if let failure = emptier.failure { fail(failure) }
    // A file that failed is left as it is.
    guard troubles.withLock({ $0.fatal == nil }) else { return }
    // Everything is committed; what fails here only keeps the WAL file beside the store.
    try? emptyLog(.truncate)  // why: the next start finds the log
    try? pool.close()  // why: all is committed
    emptier.closeFile()
    flock(lock, LOCK_UN)
  }

  /// Waits until a ticket is committed, or the store has failed.
  package func wait(for ticket: Ticket) throws(StoreError) {
    while !isCommitted(ticket) {
      try check()
      if pending.withLock({ $0.hasThread }) { usleep(200) } else { _ = commitGathered() }
    }
  }

  // MARK: Writing

  private func write() {
    while true {
      let isIdle = pending.withLock { pending in
        pending.isIdle = pending.isEmpty && !pending.isClosing
        return pending.isIdle
      }
      if isIdle { hasWork.wait() }
      var outcome = commitGathered()
      while outcome == .diskIsFull, !pending.withLock(\.isClosing) {
        usleep(StateStore.fullDiskMicroseconds)
        outcome = commitGathered()
      }
      if outcome != .committed || pending.withLock({ $0.isClosing && $0.isEmpty }) { break }
      usleep(gatherMicroseconds)
    }
    pending.withLock { $0.hasThread = false }
    isFinished.signal()
  }

  private var gatherMicroseconds: UInt32 {
    let bounds = StateStore.gatherMicroseconds
    let twice = UInt32(clamping: 2 * newestCommitNanoseconds / 1000)
    return min(max(twice, bounds.lowerBound), bounds.upperBound)
  }

  /// Commits what has gathered, with so many rows of streams, all of it or nothing, and tells the
  /// listeners.
  ///
  /// Called by the store's own thread, where it has one.
  package func commitGathered() -> CommitOutcome {
    guard troubles.withLock({ $0.fatal == nil }) else { return .failed }
    let transaction = pending.withLock {
      $0.take(rows: emptier.progress == .closing ? 0 : rowsPerCommit)
    }
    var outcome = CommitOutcome.committed
    if !transaction.changes.isEmpty { outcome = attempt { try commit(transaction.changes) } }
    if outcome == .committed {
      pending.withLock { $0.settle() }
      committedTicket.store(transaction.ticket, ordering: .releasing)
      committedRows.store(transaction.rowTicket, ordering: .releasing)
      let bytes = transaction.changes.reduce(0) { $0 + $1.byteCount }
      waitingBytes.subtract(bytes, ordering: .relaxed)
      logBytes.add(bytes, ordering: .relaxed)
      // Behind it: what was committed is not tried again where this fails.
      if logBytes.load(ordering: .relaxed) > StateStore.logBytesMax, !boundLog() {
        outcome = .failed
      }
    }
    for listener in listeners.withLock(\.self) { listener(outcome) }
    return outcome
  }

  /// Has SQLite's log put into its file: most of it while commits go on, then the rest at once.
  ///
  /// - Returns: false when the store has failed.
  private func boundLog() -> Bool {
    if pending.withLock(\.hasThread) {
      switch emptier.progress {
      case .idle:
        emptier.begin { [self] in try syncOutput() }
        return true
      case .underWay, .closing: return true
      case .done: break
      }
    }
    do {
      if let failure = emptier.failure { throw failure }
      try emptyLog(.passive)
      logBytes.store(0, ordering: .relaxed)
    } catch let error as DatabaseError where StateStore.isFull(error) {
      // The log grows on: a commit that has no room any more says so.
    } catch {
      fail(error)
      return false
    }
    emptier.reset()
    return true
  }

  private func commit(_ changes: [StoreChange]) throws {
    if try noteOutput(of: changes), durability == .fsync { try syncOutput() }
    let began = ContinuousClock.now
    try pool.writeWithoutTransaction { try StateStore.transact(changes, on: $0) }
    commitNanoseconds.store((ContinuousClock.now - began).nanoseconds, ordering: .relaxed)
  }

  private func attempt(_ body: () throws -> Void) -> CommitOutcome {
    do {
      try body()
      if isStalled { stall(nil) }
      return .committed
    } catch let error as DatabaseError where StateStore.isFull(error) {
      stall("\(error.message ?? "the disk is full")")
      return .diskIsFull
    } catch {
      fail(error)
      return .failed
    }
  }

  /// No second try on the same file: the kernel may have dropped what it could not write.
  private func fail(_ error: any Error) {
    let failure = error as? StoreError ?? .failed(path: path, reason: "\(error)")
    troubles.withLock { $0.fatal = failure }
  }

  private func stall(_ reason: String?) {
    troubles.withLock { $0.stalled = reason }
    stalledFlag.store(reason != nil, ordering: .relaxed)
  }

  /// Whether nothing but room is missing; the index of SQLite's log may be what cannot grow.
  private static func isFull(_ error: DatabaseError) -> Bool {
    error.resultCode == .SQLITE_FULL || error.extendedResultCode == .SQLITE_IOERR_SHMSIZE
  }

  /// Puts SQLite's log into its file, which syncs both.
  ///
  /// The output goes first: what the store says is written must be on the disk as well.
  private func emptyLog(_ mode: Database.CheckpointMode) throws {
    try syncOutput()
    do {
      _ = try pool.writeWithoutTransaction { try $0.checkpoint(mode) }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
      // Somebody is looking into the file; the log can wait.
    }
  }

  /// Keeps a descriptor of its own for the output: the sink may end before the store does.
  ///
  /// - Returns: whether the changes say how far the output is good.
  private func noteOutput(of changes: [StoreChange]) throws -> Bool {
    for case .outputLength(_, let descriptor) in changes {
      guard output.withLock({ $0 == nil }) else { return true }
      let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
      guard own >= 0 else {
        throw StoreError.failed(
          path: path, reason: "the output: \(String(cString: strerror(errno)))")
      }
      output.withLock { $0 = own }
      return true
    }
    return false
  }

  /// The output's bytes reach the disk before the store says so.
  private func syncOutput() throws {
    guard let output = output.withLock(\.self) else { return }
    guard fsync(output) == 0 || errno == EINVAL else {
      throw StoreError.failed(path: path, reason: "fsync: \(String(cString: strerror(errno)))")
    }
  }
}

extension Duration {
  fileprivate var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
  }
}
