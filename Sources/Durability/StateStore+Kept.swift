import Foundation
import GRDB

/// Output lines that are kept for readers who come late.
///
/// A row's id is the place of its first byte in all that was ever kept, so that the oldest rows and the
/// bytes that are there are told by the ids alone.
extension StateStore {
  /// Made beside the other tables where it is missing; a program that does not know it passes it over.
  static let keptSchema = """
    CREATE TABLE IF NOT EXISTS kept (
      id INTEGER PRIMARY KEY, at INTEGER NOT NULL, stream TEXT NOT NULL, life INTEGER NOT NULL,
      first INTEGER NOT NULL, next INTEGER NOT NULL, lines BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS kept_places ON kept (stream, life, next);
    """

  static func keep(_ rows: [KeptLines], at second: UInt64, in database: Database) throws {
    let end = try database.cachedStatement(
      sql: "SELECT id + length(lines) FROM kept ORDER BY id DESC LIMIT 1")
    var place = try Int64.fetchOne(end) ?? 0
    let insert = try database.cachedStatement(sql: "INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?, ?)")
    for row in rows {
      let lines = sealed(row.body, keptName(of: row.stream, row.life, upTo: row.next))
      try insert.execute(
        arguments: [
          place, Int64(second), row.stream, Int64(clamping: row.life), Int64(clamping: row.first),
          Int64(clamping: row.next), lines,
        ])
      place += Int64(lines.count)
    }
  }

  static func keptName(of stream: String, _ life: UInt64, upTo next: UInt64) -> String {
    "the lines of \(stream) in life \(life) up to \(next)"
  }

  static func trimKept(before second: UInt64, bytesMax: Int, in database: Database) throws {
    let newest = try database.cachedStatement(
      sql: "SELECT id + length(lines) FROM kept ORDER BY id DESC LIMIT 1")
    guard let end = try Int64.fetchOne(newest) else { return }
    // Rows that are too old stand in front, so that this looks at them and at one more.
    let young = try database.cachedStatement(
      sql: "SELECT id FROM kept WHERE at >= ? ORDER BY id LIMIT 1")
    let first = try Int64.fetchOne(young, arguments: [Int64(second)]) ?? end
    try database.cachedStatement(sql: "DELETE FROM kept WHERE id < ?")
      .execute(arguments: [max(first, end - Int64(bytesMax))])
  }

  /// The newest life of a stream of which lines are kept.
  package func newestKeptLife(of stream: String) throws(StoreError) -> UInt64? {
    try read { database in
      let statement = try database.cachedStatement(
        sql: "SELECT max(life) FROM kept WHERE stream = ?")
      return try Int64.fetchOne(statement, arguments: [stream]).map { UInt64($0) }
    }
  }

  /// The rows of a stream that reach behind a place, and those of later lives, in order; `limit` of
  /// them.
  package func kept(
    of stream: String, behind place: KeptPlace, limit: Int
  ) throws(StoreError) -> [KeptLines] {
    let rows = try read { database in
      let statement = try database.cachedStatement(
        sql: """
          SELECT life, first, next, lines FROM kept
          WHERE stream = ? AND (life, next) > (?, ?) ORDER BY life, next LIMIT ?
          """)
      return try Row.fetchAll(
        statement,
        arguments: [
          stream, Int64(clamping: place.life), Int64(clamping: place.number), limit,
        ])
    }
    var kept: [KeptLines] = []
    for row in rows {
      let next: Int64 = row["next"]
      let what = StateStore.keptName(
        of: stream, UInt64(row["life"] as Int64), upTo: UInt64(next))
      let body = try opened(row["lines"], what)
      guard let lines = try? KeptLines.lines(of: body) else {  // why: said below
        throw .damaged(path: path, what: "\(what) cannot be read")
      }
      kept.append(
        KeptLines(
          stream: stream, life: UInt64(row["life"] as Int64), first: UInt64(row["first"] as Int64),
          next: UInt64(next), lines: lines))
    }
    return kept
  }
}
