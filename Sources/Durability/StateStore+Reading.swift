import Foundation
import GRDB

/// What was committed.
extension StateStore {
  /// Calls `body` with every group of inputs, oldest first.
  ///
  /// - Throws: a `StoreError`, or what `body` throws.
  package func forEachInputGroup(_ body: (UInt64, [InputRecord]) throws -> Void) throws {
    var after: Int64 = -1
    while true {
      let rows = try read { database in
        try Row.fetchAll(
          database, sql: "SELECT id, records FROM inputs WHERE id > ? ORDER BY id LIMIT 64",
          arguments: [after])
      }
      guard let last = rows.last else { return }
      for row in rows {
        let id: Int64 = row["id"]
        let what = StateStore.inputsName(UInt64(bitPattern: id))
        let bytes = try opened(row["records"], what)
        guard let records = try? InputRecord.records(of: bytes) else {  // why: said below
          throw StoreError.damaged(path: path, what: "\(what) cannot be read")
        }
        try body(UInt64(id), records)
      }
      after = last["id"]
    }
  }

  /// The newest group of inputs that was ever written; 0 for none.
  package func newestGroup() throws(StoreError) -> UInt64 {
    try read { try UInt64(Int64.fetchOne($0, sql: "SELECT max(id) FROM inputs") ?? 0) }
  }

  package func standing(of stream: String) throws(StoreError) -> StreamStanding? {
    try body(of: stream, in: "standings") { try StreamStanding(bytes: $0) }
  }

  package func checkpoint(of stream: String) throws(StoreError) -> StreamCheckpoint? {
    try body(of: stream, in: "checkpoints") { try StreamCheckpoint(bytes: $0) }
  }

  package func leftAnswers(of stream: String) throws(StoreError) -> LeftAnswers? {
    try body(of: stream, in: "left_answers") { try LeftAnswers(bytes: $0) }
  }

  /// Names of streams that answers were left of.
  package func streamsWithLeftAnswers() throws(StoreError) -> [String] {
    try read { try String.fetchAll($0, sql: "SELECT stream FROM left_answers") }
  }

  /// Calls `body` with every stream of the groups of written answers, oldest first; returns the
  /// newest group, 0 for none.
  package func forEachWritten(
    _ body: (WrittenAnswers.Record) -> Void
  ) throws(StoreError) -> UInt64 {
    let rows = try read {
      try Row.fetchAll($0, sql: "SELECT id, records FROM written_log ORDER BY id")
    }
    for row in rows {
      let id: Int64 = row["id"]
      let what = StateStore.writtenName(UInt64(bitPattern: id))
      let bytes = try opened(row["records"], what)
      guard let records = try? WrittenAnswers.records(of: bytes) else {  // why: said below
        throw .damaged(path: path, what: "\(what) cannot be read")
      }
      for record in records { body(record) }
    }
    return UInt64((rows.last?["id"] as Int64?) ?? 0)
  }

  package func written(of stream: String) throws(StoreError) -> WrittenAnswers? {
    try body(of: stream, in: "written") { try WrittenAnswers(bytes: $0) }
  }

  /// Bytes of the output file that are good; nil when none was ever written.
  package func outputLength() throws(StoreError) -> Int64? {
    try read { try StateStore.fact("output-length", $0, path) }.flatMap { Int64($0) }
  }

  /// Names of streams that have a standing, sorted, `limit` of them behind `name`.
  package func streams(behind name: String, limit: Int) throws(StoreError) -> [String] {
    try read {
      try String.fetchAll(
        $0, sql: "SELECT stream FROM standings WHERE stream > ? ORDER BY stream LIMIT ?",
        arguments: [name, limit])
    }
  }

  /// Streams that have a standing of their own, by name, `limit` of those behind `name`.
  package func standings(
    behind name: String, limit: Int
  ) throws(StoreError) -> [(stream: String, standing: StreamStanding)] {
    let rows = try read {
      try Row.fetchAll(
        $0, sql: "SELECT stream, body FROM standings WHERE stream > ? ORDER BY stream LIMIT ?",
        arguments: [name, limit])
    }
    var found: [(String, StreamStanding)] = []
    for row in rows {
      let stream: String = row["stream"]
      let what = "\(stream) in standings"
      let bytes = try opened(row["body"], what)
      guard let standing = try? StreamStanding(bytes: bytes) else {  // why: said below
        throw .damaged(path: path, what: "\(what) cannot be read")
      }
      found.append((stream, standing))
    }
    return found
  }

  /// Names of open streams that nobody has sent to since a time, the oldest first.
  package func streams(idleSince milliseconds: UInt64, limit: Int) throws(StoreError) -> [String] {
    try read {
      let statement = try $0.cachedStatement(
        sql: "SELECT stream FROM standings WHERE NOT ended AND used < ? ORDER BY used LIMIT ?")
      return try String.fetchAll(
        statement, arguments: [Int64(clamping: milliseconds), limit])
    }
  }

  /// How long daemons have run with this store, roughly.
  package func runMilliseconds() throws(StoreError) -> UInt64 {
    try read { try StateStore.fact("run-milliseconds", $0, path) }.flatMap { UInt64($0) } ?? 0
  }

  /// Names of streams that have ended, as a table has them.
  package func endedStreams(in table: Table) throws(StoreError) -> [String] {
    try read {
      try String.fetchAll($0, sql: "SELECT stream FROM \(table.rawValue) WHERE ended")
    }
  }

  package enum Table: String {
    case standings
    case checkpoints
    case written
  }

  /// Streams that have a standing and have not ended.
  package func openStreamCount() throws(StoreError) -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM standings WHERE NOT ended") ?? 0 }
  }

  /// A number that grows with every call, over restarts and whatever the clock says: at least
  /// `minimum`, and 2^40 more than the one before.
  package func nextEpoch(atLeast minimum: UInt64) throws(StoreError) -> UInt64 {
    do {
      return try pool.write { database in
        let before = try StateStore.fact("epoch", database, path)
        let epoch = max(minimum, (before.flatMap { UInt64($0) } ?? 0) + 1 << 40)
        try StateStore.setFact("epoch", to: "\(epoch)", database)
        return epoch
      }
    } catch {
      throw StateStore.error(error, path)
    }
  }

  private func body<Value>(
    of stream: String, in table: String, _ decode: ([UInt8]) throws -> Value
  ) throws(StoreError) -> Value? {
    let data = try read { database in
      let statement = try database.cachedStatement(
        sql: "SELECT body FROM \(table) WHERE stream = ?")
      return try Data.fetchOne(statement, arguments: [stream])
    }
    guard let data else { return nil }
    let what = StateStore.name(of: stream, in: table)
    let bytes = try opened(data, what)
    do {
      return try decode(bytes)
    } catch {
      throw .damaged(path: path, what: "\(what) cannot be read")
    }
  }

  func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    do {
      return try pool.read(body)
    } catch {
      throw StateStore.error(error, path)
    }
  }
}
