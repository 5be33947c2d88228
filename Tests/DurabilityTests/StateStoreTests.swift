import Foundation
import GRDB
import Testing

@testable import Durability

struct StateStoreTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private var path: String { folder.appending(path: "state.sqlite").path }

  private func open(_ owner: [String: String] = ["model": "sha256:1"]) throws -> StateStore {
    try StateStore(path: path, durability: .os, owner: owner)
  }

  private static let standing = StreamStanding(
    life: 3, epoch: 0, expected: 5, isClosed: false, firstInput: 0, nextStep: 5, messages: 1,
    pendingFlags: 0, carry: [])

  @Test func damageIsToldInOneLine() {
    let error = StoreError.damaged(path: "s", what: "*** in database main ***\nPage 14: unused")
    #expect("\(error)".contains("main ***; Page 14: unused; put a backup"))
  }

  /// https://www.sqlite.org/pragma.html#pragma_synchronous: 1 is NORMAL, 2 is FULL.
  @Test(arguments: [(Durability.os, 1), (.fsync, 2)])
  func aCommitIsAsDurableAsSaid(durability: Durability, synchronous: Int) throws {
    let store = try StateStore(path: path, durability: durability, owner: [:])
    defer { store.finish() }
    let received = try store.pool.writeWithoutTransaction {
      try Int.fetchOne($0, sql: "PRAGMA synchronous")
    }
    #expect(received == synchronous)
  }

  @Test func whatIsCommittedIsThereAfterReopening() throws {
    var group: [UInt8] = []
    let record = InputRecord(stream: "a", standing: Self.standing)
    record.append(to: &group)
    let checkpoint = StreamCheckpoint(
      life: 3, messages: 1, nextStep: 5, stepsSinceReset: 5, stepsSinceAnswer: 0, last: nil,
      state: [1, 2, 3])
    do {
      let store = try open()
      store.submit([.inputs(group: 1, records: group), .inputs(group: 2, records: group)])
      let ticket = store.submit([
        .trim(through: 1), .standing("a", Self.standing), .checkpoint("a", checkpoint),
        .settleWritten("a", WrittenAnswers(life: 3, next: 4, isEnded: true)),
        .written(
          group: 6, [.init(stream: "b", written: WrittenAnswers(life: 4, next: 1))]),
        .outputLength(77, descriptor: 1),
      ])
      try store.wait(for: ticket)
      store.finish()
    }
    let store = try open()
    defer { store.finish() }
    var groups: [UInt64: [InputRecord]] = [:]
    try store.forEachInputGroup { groups[$0] = $1 }
    #expect(groups == [2: [record]])
    #expect(try store.standing(of: "a") == Self.standing)
    #expect(try store.checkpoint(of: "a") == checkpoint)
    #expect(try store.checkpoint(of: "b") == nil)
    #expect(try store.written(of: "a") == WrittenAnswers(life: 3, next: 4, isEnded: true))
    #expect(try store.endedStreams(in: .written) == ["a"])
    var gathered: [WrittenAnswers.Record] = []
    #expect(try store.forEachWritten { gathered.append($0) } == 6)
    #expect(gathered == [.init(stream: "b", written: WrittenAnswers(life: 4, next: 1))])
    #expect(try store.outputLength() == 77)
    #expect(try store.streams(behind: "", limit: 9) == ["a"])
  }

  @Test func theLastCheckpointsOfAStreamAreKept() throws {
    let store = try open()
    defer { store.finish() }
    func snapshot(_ number: UInt64) -> StreamSnapshot {
      var standing = Self.standing
      standing.expected = number
      return StreamSnapshot(standing: standing, memory: nil)
    }
    var ticket = StateStore.Ticket.committed
    for number: UInt64 in [3, 5, 8, 13] {
      ticket = store.submit([.addPast("a", number: number, snapshot(number), count: 3)])
    }
    store.submit([.addPast("b", number: 1, snapshot(1), count: 3)])
    try store.wait(for: ticket)
    #expect(try store.pastNumbers(of: "a") == [5, 8, 13])
    #expect(try store.past(of: "a", through: 12) == snapshot(8).bytes)
    #expect(try store.past(of: "a", through: 4) == nil)
    try store.wait(for: store.submit([.dropPast("a", beyond: 8)]))
    #expect(try store.pastNumbers(of: "a") == [5, 8])
    try store.wait(for: store.submit([.dropPast("a", beyond: nil)]))
    #expect(try store.pastNumbers(of: "a").isEmpty)
    #expect(try store.pastNumbers(of: "b") == [1])
  }

  @Test func theIdlestStreamsAreFound() throws {
    let store = try open()
    defer { store.finish() }
    var changes: [StoreChange] = [.runTime(milliseconds: 500)]
    for (name, used, isClosed) in [("a", 30, false), ("b", 10, false), ("c", 5, true)] {
      var standing = Self.standing
      standing.usedMilliseconds = UInt64(used)
      standing.isClosed = isClosed
      changes.append(.standing(name, standing))
    }
    try store.wait(for: store.submit(changes))
    #expect(try store.streams(idleSince: 10, limit: 9).isEmpty)
    #expect(try store.streams(idleSince: 31, limit: 9) == ["b", "a"])
    #expect(try store.runMilliseconds() == 500)
  }

  /// Rows come a few at a time and in order, what is to go behind them last; input comes first.
  @Test func inputDoesNotWaitForRows() throws {
    let store = try StateStore(
      committedByCallerAt: path, durability: .os, owner: [:], rowsPerCommit: 2)
    defer { store.finish() }
    store.submit([.inputs(group: 1, records: [])])
    let names = ["a", "b", "c", "d"]
    let rows = store.submit(
      rows: names.map { .standing($0, Self.standing) } + [.trim(through: 1)])
    let input = store.submit([.inputs(group: 2, records: [])])
    for count in [2, 4] {
      #expect(store.commitGathered() == .committed)
      #expect(store.isCommitted(input))
      #expect(!store.isCommitted(rows))
      #expect(try store.streams(behind: "", limit: 9) == Array(names.prefix(count)))
    }
    var groups: [UInt64] = []
    try store.forEachInputGroup { group, _ in groups.append(group) }
    #expect(groups == [1, 2])
    #expect(store.commitGathered() == .committed)
    #expect(store.isCommitted(rows))
    groups = []
    try store.forEachInputGroup { group, _ in groups.append(group) }
    #expect(groups == [2])
  }

  /// The log is put into the file while commits go on.
  @Test func theLogStaysBounded() throws {
    let store = try open()
    var group: [UInt8] = []
    let payload = [UInt8](repeating: 7, count: 1 << 20)
    InputRecord(
      stream: "a", standing: Self.standing,
      steps: [.init(header: [], payload: payload, note: [], inputEnds: [])]
    ).append(to: &group)
    for number in 1...64 {
      store.submit([.trim(through: UInt64(number) - 1)])
      try store.wait(for: store.submit([.inputs(group: UInt64(number), records: group)]))
    }
    let size = try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int ?? 0
    #expect(size > 0 && size < 48 << 20, "the log has \(size) bytes behind 64 MiB of changes")
    store.finish()
    #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
    let again = try open()
    defer { again.finish() }
    var groups: [UInt64] = []
    try again.forEachInputGroup { number, _ in groups.append(number) }
    #expect(groups == [64])
  }

  @Test func epochsGrowOverRestarts() throws {
    var last: UInt64 = 0
    for _ in 0..<3 {
      let store = try open()
      let epoch = try store.nextEpoch(atLeast: 5)
      #expect(epoch > last)
      last = epoch
      store.finish()
    }
  }

  @Test func aSecondProcessIsRefused() throws {
    let store = try open()
    defer { store.finish() }
    #expect(throws: StoreError.locked(path: path)) { try open() }
  }

  /// All descriptors of a process share its locks on a file: closing one of a store that was finished
  /// must not take those of the next one away.
  @Test func aStoreThatIsOpenedAnewKeepsItsLocks() throws {
    var before: StateStore? = try open()
    before?.finish()
    let store = try open()
    #expect(try locks() == 1)
    weak let gone = before
    before = nil
    // Its thread may be about to end.
    while gone != nil { sched_yield() }
    #expect(try locks() == 1)
    store.finish()
    #expect(try locks() == 0)
  }

  /// Locks of SQLite's readers on the file, as the system has them: in WAL mode whoever has it open
  /// keeps one, and a process counts once (<https://www.sqlite.org/src/file/src/os.h>).
  private func locks() throws -> Int {
    // To open the file and close it would be the fault that is looked for.
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    let inode = try #require(attributes[.systemFileNumber] as? Int)
    return try String(contentsOfFile: "/proc/locks", encoding: .utf8).split(separator: "\n")
      .count {
        $0.contains(":\(inode) 1073741826 ") && $0.contains(" POSIX ")
      }
  }

  @Test func anotherModelIsRefused() throws {
    try open().finish()
    #expect(
      throws: StoreError.otherOwner(
        path: path, what: "model", expected: "sha256:2", received: "sha256:1")
    ) { try open(["model": "sha256:2"]) }
  }

  @Test func aMissingFolderIsNamed() {
    #expect(throws: StoreError.self) {
      try StateStore(path: "/nowhere/at/all.sqlite", durability: .os, owner: [:])
    }
  }

  @Test func aChangedBitIsFound() throws {
    do {
      let store = try open()
      try store.wait(for: store.submit([.standing("a", Self.standing)]))
      store.finish()
    }
    let queue = try DatabaseQueue(path: path)
    try queue.write { database in
      var body = try #require(try Data.fetchOne(database, sql: "SELECT body FROM standings"))
      body[3] ^= 1
      try database.execute(sql: "UPDATE standings SET body = ?", arguments: [body])
    }
    try queue.close()
    #expect(throws: StoreError.self) { try open() }
  }

  /// The state of one stream under the name of another.
  @Test func aChangedNameIsFound() throws {
    do {
      let store = try open()
      try store.wait(for: store.submit([.standing("a", Self.standing)]))
      store.finish()
    }
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: "UPDATE standings SET stream = 'b'") }
    try queue.close()
    #expect(throws: StoreError.self) { try open() }
  }

  @Test func noDatabaseIsRefused() throws {
    try Data("this is not a database, but long enough to look at".utf8).write(
      to: URL(filePath: path))
    #expect(throws: StoreError.self) { try open() }
  }

  @Test func aFullDiskIsWaitedOut() throws {
    let store = try open()
    defer { store.finish() }
    try store.wait(for: store.submit([.standing("a", Self.standing)]))
    let pages = try store.pool.write { database in
      let count = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
      try database.execute(sql: "PRAGMA max_page_count = \(count)")
      return count
    }
    #expect(pages > 0)
    let isFull = DispatchSemaphore(value: 0)
    store.onCommit { if $0 == .diskIsFull { isFull.signal() } }
    let ticket = store.submit([.inputs(group: 1, records: Array(repeating: 7, count: 1 << 20))])
    #expect(isFull.wait(timeout: .now() + 30) == .success, "no commit has met the full disk")
    #expect(store.stalled != nil)
    #expect(!store.hasRoom)
    #expect(!store.isCommitted(ticket))
    try store.pool.write { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
    try store.wait(for: ticket)
    #expect(store.hasRoom)
  }

  // MARK: Models

  /// The store follows a swap: it opens for the model that serves and for those before it.
  @Test func theStoreBelongsToTheModelsThatWereSwappedIn() throws {
    let first = ModelRecord(generation: 0, policy: "", path: "/a", hash: "sha256:1")
    var second = ModelRecord(generation: 1, policy: "carry", path: "/b", hash: "sha256:2")
    do {
      let store = try open()
      #expect(try store.models() == [])
      try store.wait(for: store.submit([.model(first), .model(second)]))
      second.isReleased = true
      try store.wait(for: store.submit([.model(second)]))
      store.finish()
    }
    for hash in ["sha256:1", "sha256:2"] {
      let again = try open(["model": hash])
      #expect(try again.models() == [first, second])
      again.finish()
    }
    #expect(
      throws: StoreError.otherOwner(
        path: path, what: "model", expected: "sha256:3", received: "sha256:2")
    ) { try open(["model": "sha256:3"]) }
  }

  @Test func openStreamsAreCountedByGeneration() throws {
    let store = try open()
    var changes: [StoreChange] = []
    for index in 0..<2000 {
      var standing = Self.standing
      standing.generation = UInt64(index % 3)
      standing.isClosed = index % 2 == 0
      changes.append(.standing("s\(index)", standing))
    }
    try store.wait(for: store.submit(changes))
    #expect(try store.openStreams() == [0: 333, 1: 334, 2: 333])
    #expect(try store.openStreamCount() == 1000)
    store.finish()
  }
}
