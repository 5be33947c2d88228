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
  private let listeners = Mutex<[@Sendable () -> Void]>([])
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

  static let schemaVersion = 1
  /// Changes that may wait; stages take nothing in beyond it.
  private static let waitingBytesMax = 64 << 20
  /// Commits are at least so far apart, so that each carries what gathered meanwhile.
  private static let gatherMicroseconds: UInt32 = 200
  /// How long a full disk is left alone.
  private static let fullDiskMicroseconds: UInt32 = 200_000

  /// Opens or makes the store, checks it, takes its lock, and starts the thread that commits.
  ///
  /// - Parameters:
  ///   - path: the SQLite file; its folder must exist.
  ///   - durability: `os` or `fsync`.
  ///   - owner: what the state belongs to, by name: the model's hash, the precision, the tokenizer.
  /// - Throws: a `StoreError`.
  package convenience init(
    path: String, durability: Durability, owner: [String: String]
  ) throws(StoreError) {
    try self.init(committedByCallerAt: path, durability: durability, owner: owner)
    pending.withLock { $0.hasThread = true }
    let thread = Thread { [self] in write() }
    thread.name = "store"
    thread.start()
  }

  /// As above, but nothing is committed until somebody calls `commitGathered`.
  package init(
    committedByCallerAt path: String, durability: Durability, owner: [String: String]
  ) throws(StoreError) {
    pending = Mutex(Pending(hasThread: false))
    self.path = path
    self.durability = durability
    lock = try StateStore.lock(path)
    do {
      pool = try StateStore.pool(at: path, durability)
      try StateStore.prepare(pool, path, owner)
    } catch {
      close(lock)
      throw StateStore.error(error, path)
    }
  }

  deinit { close(lock) }

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

  /// Has `listener` called behind each commit, and when the store has failed, on the store's thread.
  package func onCommit(_ listener: @escaping @Sendable () -> Void) {
    listeners.withLock { $0.append(listener) }
  }

  /// How long the newest commit took; for listeners.
  package var newestCommitNanoseconds: UInt64 { commitNanoseconds.load(ordering: .relaxed) }

  /// Everything up to this ticket is committed.
  package var committed: UInt64 { committedTicket.load(ordering: .acquiring) }

  /// Whether more may be handed over now.
  package var hasRoom: Bool {
    waitingBytes.load(ordering: .relaxed) < StateStore.waitingBytesMax && stalled == nil
  }

  /// Why nothing can be written for the moment: a full disk.
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
    _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    try? pool.close()
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
      usleep(StateStore.gatherMicroseconds)
    }
    pending.withLock { $0.hasThread = false }
    isFinished.signal()
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
    if !changes.isEmpty { outcome = commit(changes) }
    if outcome == .committed {
      pending.withLock { $0.underWay = nil }
      committedTicket.store(ticket, ordering: .releasing)
      waitingBytes.subtract(changes.reduce(0) { $0 + $1.byteCount }, ordering: .relaxed)
    }
    if outcome != .diskIsFull {
      for listener in listeners.withLock(\.self) { listener() }
    }
    return outcome
  }

  private func commit(_ changes: [StoreChange]) -> CommitOutcome {
    let began = ContinuousClock.now
    do {
      if durability == .fsync { try syncOutput(changes) }
      try pool.write { try StateStore.apply(changes, to: $0) }
      commitNanoseconds.store((ContinuousClock.now - began).nanoseconds, ordering: .relaxed)
      troubles.withLock { $0.stalled = nil }
      return .committed
    } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
      troubles.withLock { $0.stalled = "\(error.message ?? "the disk is full")" }
      return .diskIsFull
    } catch {
      // No second try on the same file: the kernel may have dropped what it could not write.
      troubles.withLock { $0.fatal = .failed(path: path, reason: "\(error)") }
      return .failed
    }
  }

  /// The output's bytes reach the disk before the store says so.
  private func syncOutput(_ changes: [StoreChange]) throws {
    for change in changes {
      guard case .outputLength(_, let descriptor) = change else { continue }
      guard fsync(descriptor) == 0 || errno == EINVAL else {
        throw StoreError.failed(path: path, reason: "fsync: \(String(cString: strerror(errno)))")
      }
    }
  }

  private static func apply(_ changes: [StoreChange], to database: Database) throws {
    for change in changes {
      switch change {
      case .inputs(let group, let records):
        try database.cachedStatement(sql: "INSERT INTO inputs VALUES (?, ?)")
          .execute(arguments: [Int64(group), sealed(records)])
      case .trim(let group):
        try database.cachedStatement(sql: "DELETE FROM inputs WHERE id <= ?")
          .execute(arguments: [Int64(group)])
      case .standing(let stream, let standing):
        try put(
          standing?.bytes, isEnded: standing?.isClosed, of: stream, in: "standings", database)
      case .checkpoint(let stream, let checkpoint):
        try put(
          checkpoint?.bytes, isEnded: checkpoint?.isEnded, of: stream, in: "checkpoints", database)
      case .written(let group, let records):
        try database.cachedStatement(sql: "INSERT INTO written_log VALUES (?, ?)")
          .execute(arguments: [Int64(group), sealed(WrittenAnswers.group(records))])
      case .settleWritten(let stream, let written):
        try put(written?.bytes, isEnded: written?.isEnded, of: stream, in: "written", database)
      case .trimWritten(let group):
        try database.cachedStatement(sql: "DELETE FROM written_log WHERE id <= ?")
          .execute(arguments: [Int64(group)])
      case .model(let record): try put(record, database)
      case .outputLength(let length, _):
        try database.cachedStatement(sql: "REPLACE INTO facts VALUES ('output-length', ?)")
          .execute(arguments: ["\(length)"])
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
        .execute(arguments: [stream, isEnded ?? false, sealed(body)])
    } else {
      try database.cachedStatement(sql: "DELETE FROM \(table) WHERE stream = ?")
        .execute(arguments: [stream])
    }
  }

  // MARK: Checksums

  /// 16 hexadecimal digits that another content does not have by chance.
  package static func fingerprint(_ bytes: [UInt8]) -> String {
    let digits = String(checksum(bytes), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// SQLite finds a damaged page, not a damaged value: 8 bytes of XXH3 go behind each.
  static func sealed(_ body: [UInt8]) -> Data {
    var data = Data(body)
    withUnsafeBytes(of: checksum(body).littleEndian) { data.append(contentsOf: $0) }
    return data
  }

  /// The bytes in front of the checksum.
  ///
  /// - Throws: `StoreError.damaged`.
  func opened(_ data: Data, _ what: String) throws(StoreError) -> [UInt8] {
    let body = [UInt8](data.dropLast(8))
    let sum = data.suffix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard data.count >= 8, StateStore.checksum(body) == sum else {
      throw .damaged(path: path, what: "\(what) has another checksum than it was written with")
    }
    return body
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
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
    let pool = try DatabasePool(path: path)
    let synchronous = durability == .fsync ? "FULL" : "NORMAL"
    // Behind GRDB, which says NORMAL where it turns WAL mode on.
    try pool.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA synchronous = \(synchronous)")
    }
    return pool
  }

  private static func prepare(
    _ pool: DatabasePool, _ path: String, _ owner: [String: String]
  ) throws {
    try pool.write { database in
      let report = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
      guard report == ["ok"] else {
        throw StoreError.damaged(path: path, what: report.first ?? "it cannot be read")
      }
      let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      guard version <= schemaVersion else {
        throw StoreError.newerVersion(path: path, version: version, known: schemaVersion)
      }
      if version == 0 {
        try database.execute(
          sql: """
            CREATE TABLE inputs (id INTEGER PRIMARY KEY, records BLOB NOT NULL);
            CREATE TABLE standings (
              stream TEXT PRIMARY KEY, ended INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
            CREATE INDEX standings_ended ON standings (stream) WHERE ended;
            CREATE TABLE checkpoints (
              stream TEXT PRIMARY KEY, ended INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
            CREATE INDEX checkpoints_ended ON checkpoints (stream) WHERE ended;
            CREATE TABLE written (
              stream TEXT PRIMARY KEY, ended INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
            CREATE INDEX written_ended ON written (stream) WHERE ended;
            CREATE TABLE written_log (id INTEGER PRIMARY KEY, records BLOB NOT NULL);
            CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
            PRAGMA user_version = \(schemaVersion);
            """)
      }
      try createModels(database)
      try database.execute(sql: keptSchema)
      for (what, expected) in owner.sorted(by: { $0.key < $1.key }) {
        let received = try String.fetchOne(
          database, sql: "SELECT value FROM facts WHERE name = ?", arguments: [what])
        guard let received else {
          try database.execute(
            sql: "INSERT INTO facts VALUES (?, ?)", arguments: [what, expected])
          continue
        }
        if what == "model", try hasServed(expected, database) { continue }
        guard received == expected else {
          throw StoreError.otherOwner(
            path: path, what: what, expected: expected, received: received)
        }
      }
    }
  }

  static func error(_ error: any Error, _ path: String) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as DatabaseError
    where error.resultCode == .SQLITE_CORRUPT || error.resultCode == .SQLITE_NOTADB:
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

extension StoreChange {
  /// Roughly what it holds in memory while it waits.
  var byteCount: Int {
    switch self {
    case .inputs(_, let records): records.count + 64
    case .checkpoint(_, let checkpoint): (checkpoint?.state.count ?? 0) * 4 + 128
    case .standing, .settleWritten: 192
    case .written(_, let records): records.count * 128 + 64
    case .keep(let rows, _):
      rows.reduce(64) { $0 + $1.lines.reduce(128) { $0 + $1.text.count + 32 } }
    case .trim, .trimWritten, .outputLength, .trimKept: 32
    case .model: 256
    }
  }
}
