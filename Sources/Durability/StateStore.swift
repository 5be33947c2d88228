import CXXHash
import Foundation
import GRDB
import Synchronization

/// What a daemon must not forget, in one SQLite file: accepted inputs, the states of streams, and how
/// far the output is written.
///
/// Stages hand changes over and go on; a thread of the store's own commits what has gathered, in
/// order, all of it in one transaction. A change counts when its ticket is committed.
///
/// WAL mode: with `synchronous=NORMAL` a commit survives a killed process, with `FULL` a power cut
/// (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
package final class StateStore: Sendable {
  package let path: String
  package let durability: Durability
  let pool: DatabasePool
  private let lock: Int32
  private let pending: Mutex<Pending>
  private let hasWork = DispatchSemaphore(value: 0)
  private let isFinished = DispatchSemaphore(value: 0)
  private let committedTicket = Atomic<UInt64>(0)
  private let waitingBytes = Atomic<Int>(0)
  private let troubles = Mutex(Troubles())
  private let stalledFlag = Atomic<Bool>(false)
  private let listeners = Mutex<[@Sendable (CommitOutcome) -> Void]>([])
  /// The output file, once it is known.
  private let output = Mutex<Int32?>(nil)
  /// Changes since SQLite's log was put into its file.
  private let logBytes = Atomic<Int>(0)
  private let commitNanoseconds = Atomic<UInt64>(0)

  private struct Pending {
    var changes: [StoreChange] = []
    var ticket: UInt64 = 0
    /// What is being committed, and is tried again where the disk was full.
    var underWay: (changes: [StoreChange], ticket: UInt64)?
    var isClosing = false
    var hasThread: Bool
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
  /// Between two commits more gathers, for twice as long as the one before took, within these bounds:
  /// the more there is to write, the fewer commits carry it.
  private static let gatherMicroseconds = UInt32(200)...1000
  /// Changes behind which SQLite's log goes into its file.
  private static let logBytesMax = 4 << 20
  /// How long somebody else's lock is waited for.
  private static let busySeconds: TimeInterval = 2
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
    let thread = Thread { [self] in write() }
    thread.name = "store"
    thread.start()
  }

  /// As above, but nothing is committed until somebody calls `commitGathered`.
  package init(
    committedByCallerAt path: String, durability: Durability, owner: [String: String],
    replacing: Set<String> = []
  ) throws(StoreError) {
    pending = Mutex(Pending(hasThread: false))
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
    } catch {
      close(lock)
      throw StateStore.error(error, path)
    }
  }

  deinit {
    if let output = output.withLock(\.self) { close(output) }
    close(lock)
  }

  // MARK: Handing over

  /// Hands changes over, to be committed together; returns the ticket to wait for.
  @discardableResult
  package func submit(_ changes: [StoreChange]) -> UInt64 {
    let bytes = changes.reduce(0) { $0 + $1.byteCount }
    waitingBytes.add(bytes, ordering: .relaxed)
    let (ticket, isFirst) = pending.withLock { pending in
      let isFirst = pending.changes.isEmpty
      pending.changes += changes
      pending.ticket += 1
      return (pending.ticket, isFirst)
    }
    if isFirst { hasWork.signal() }
    return ticket
  }

  /// Has `listener` called behind each attempt to commit, on the store's thread.
  package func onCommit(_ listener: @escaping @Sendable (CommitOutcome) -> Void) {
    listeners.withLock { $0.append(listener) }
  }

  /// How long the newest commit took; for listeners.
  package var newestCommitNanoseconds: UInt64 { commitNanoseconds.load(ordering: .relaxed) }

  /// Everything up to this ticket is committed.
  package var committed: UInt64 { committedTicket.load(ordering: .acquiring) }

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
    let (wasClosing, hadThread) = pending.withLock { pending in
      defer { pending.isClosing = true }
      return (pending.isClosing, pending.hasThread)
    }
    guard !wasClosing else { return }
    if hadThread {
      hasWork.signal()
      isFinished.wait()
    } else {
      _ = commitGathered()
    }
    // A file that failed is left as it is.
    guard troubles.withLock({ $0.fatal == nil }) else { return }
    // Everything is committed; what fails here only keeps the WAL file beside the store.
    try? emptyLog(.truncate)
    try? pool.close()
    flock(lock, LOCK_UN)
  }

  /// Waits until a ticket is committed, or the store has failed.
  package func wait(for ticket: UInt64) throws(StoreError) {
    while committed < ticket {
      try check()
      if pending.withLock({ $0.hasThread }) { usleep(200) } else { _ = commitGathered() }
    }
  }

  // MARK: Writing

  private func write() {
    while true {
      hasWork.wait()
      var outcome = commitGathered()
      while outcome == .diskIsFull, !pending.withLock(\.isClosing) {
        usleep(StateStore.fullDiskMicroseconds)
        outcome = commitGathered()
      }
      if outcome != .committed || pending.withLock({ $0.isClosing && $0.changes.isEmpty }) { break }
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

  /// Commits what has gathered, all of it or nothing, and tells the listeners.
  ///
  /// Called by the store's own thread, where it has one.
  package func commitGathered() -> CommitOutcome {
    guard troubles.withLock({ $0.fatal == nil }) else { return .failed }
    let (changes, ticket) = pending.withLock { pending in
      let taken = pending.underWay ?? (pending.changes, pending.ticket)
      if pending.underWay == nil { pending.changes = [] }
      pending.underWay = taken
      return taken
    }
    var outcome = CommitOutcome.committed
    if !changes.isEmpty { outcome = attempt { try commit(changes) } }
    if outcome == .committed, logBytes.load(ordering: .relaxed) > StateStore.logBytesMax {
      outcome = attempt { try emptyLog(.passive) }
      if outcome == .committed { logBytes.store(0, ordering: .relaxed) }
    }
    if outcome == .committed {
      pending.withLock { $0.underWay = nil }
      committedTicket.store(ticket, ordering: .releasing)
      let bytes = changes.reduce(0) { $0 + $1.byteCount }
      waitingBytes.subtract(bytes, ordering: .relaxed)
      logBytes.add(bytes, ordering: .relaxed)
    }
    for listener in listeners.withLock(\.self) { listener(outcome) }
    return outcome
  }

  private func commit(_ changes: [StoreChange]) throws {
    if try noteOutput(of: changes), durability == .fsync { try syncOutput() }
    let began = ContinuousClock.now
    try pool.write { try StateStore.apply(changes, to: $0) }
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
      // No second try on the same file: the kernel may have dropped what it could not write.
      troubles.withLock { $0.fatal = .failed(path: path, reason: "\(error)") }
      return .failed
    }
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

  private static func apply(_ changes: [StoreChange], to database: Database) throws {
    for change in changes {
      switch change {
      case .inputs(let group, let records):
        try database.cachedStatement(sql: "INSERT INTO inputs VALUES (?, ?)")
          .execute(arguments: [Int64(group), sealed(records, inputsName(group))])
      case .trim(let group):
        try database.cachedStatement(sql: "DELETE FROM inputs WHERE id <= ?")
          .execute(arguments: [Int64(group)])
      case .standing(let stream, let standing):
        guard let standing else {
          try put(nil, isEnded: nil, of: stream, in: "standings", database)
          continue
        }
        try database.cachedStatement(sql: "REPLACE INTO standings VALUES (?, ?, ?, ?)")
          .execute(arguments: [
            stream, standing.isClosed,
            sealed(standing.bytes, name(of: stream, in: "standings")),
            Int64(clamping: standing.usedMilliseconds),
          ])
      case .runTime(let milliseconds):
        try setFact("run-milliseconds", to: "\(milliseconds)", database)
      case .addPast(let stream, let number, let snapshot, let count):
        try addPast(snapshot, number: number, of: stream, count: count, in: database)
      case .dropPast(let stream, let number):
        try dropPast(of: stream, beyond: number, in: database)
      case .checkpoint(let stream, let checkpoint):
        try put(
          checkpoint?.bytes, isEnded: checkpoint?.isEnded, of: stream, in: "checkpoints", database)
      case .written(let group, let records):
        try database.cachedStatement(sql: "INSERT INTO written_log VALUES (?, ?)")
          .execute(
            arguments: [Int64(group), sealed(WrittenAnswers.group(records), writtenName(group))])
      case .settleWritten(let stream, let written):
        try put(written?.bytes, isEnded: written?.isEnded, of: stream, in: "written", database)
      case .trimWritten(let group):
        try database.cachedStatement(sql: "DELETE FROM written_log WHERE id <= ?")
          .execute(arguments: [Int64(group)])
      case .model(let record): try put(record, database)
      case .outputLength(let length, _):
        try setFact("output-length", to: "\(length)", database)
      case .keep(let rows, let second): try keep(rows, at: second, in: database)
      case .trimKept(let second, let bytesMax):
        try trimKept(before: second, bytesMax: bytesMax, in: database)
      }
    }
  }

  private static func put(
    _ body: [UInt8]?, isEnded: Bool?, of stream: String, in table: String, _ database: Database
  ) throws {
    if let body {
      try database.cachedStatement(sql: "REPLACE INTO \(table) VALUES (?, ?, ?)")
        .execute(arguments: [stream, isEnded ?? false, sealed(body, name(of: stream, in: table))])
    } else {
      try database.cachedStatement(sql: "DELETE FROM \(table) WHERE stream = ?")
        .execute(arguments: [stream])
    }
  }

  // MARK: Opening

  /// One process at a time: an advisory lock on a file beside the store.
  private static func lock(_ path: String) throws(StoreError) -> Int32 {
    let descriptor = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .cannotOpen(path: path, reason: String(cString: strerror(errno)))
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .locked(path: path)
    }
    return descriptor
  }

  private static func pool(at path: String, _ durability: Durability) throws -> DatabasePool {
    // Whoever reads may take SQLite's lock of writers for an instant, to look at the log's index again
    // that a commit was just changing.
    var configuration = Configuration()
    configuration.busyMode = .timeout(busySeconds)
    let pool = try DatabasePool(path: path, configuration: configuration)
    let synchronous = durability == .fsync ? "FULL" : "NORMAL"
    // Behind GRDB, which says NORMAL where it turns WAL mode on. The store empties its log itself.
    try pool.writeWithoutTransaction { database in
      try database.execute(
        sql: "PRAGMA synchronous = \(synchronous); PRAGMA wal_autocheckpoint = 0")
    }
    return pool
  }

  /// Writes down what the state of a new store belongs to; compares that of one that is there.
  private static func claim(
    for owner: [String: String], replacing: Set<String>, _ database: Database, _ path: String
  ) throws {
    for (what, expected) in owner.sorted(by: { $0.key < $1.key }) {
      let received = try fact(what, database, path)
      // The store follows a swap: the pipeline file may still name a model from before it.
      if what == "model", try hasServed(expected, database) { continue }
      guard received == nil || received == expected || replacing.contains(what) else {
        throw StoreError.otherOwner(
          path: path, what: what, expected: expected, received: received ?? "nothing")
      }
      if received != expected { try setFact(what, to: expected, database) }
    }
  }

  static func error(_ error: any Error, _ path: String) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as DatabaseError
    where [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR].contains(error.resultCode):
      // Our own statements are right: where one cannot be prepared, the tables are others.
      .damaged(path: path, what: error.message ?? "\(error)")
    case let error as DatabaseError:
      .cannotOpen(path: path, reason: error.message ?? "\(error)")
    default: .cannotOpen(path: path, reason: "\(error)")
    }
  }
}

extension Duration {
  fileprivate var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000
  }
}
