import Foundation
import GRDB

/// Checkpoints that a stream can be rewound to, known by the next input number at that moment.
extension StateStore {
  static func addPast(
    _ snapshot: StreamSnapshot, number: UInt64, of stream: String, count: Int, in database: Database
  ) throws {
    try database.cachedStatement(sql: "REPLACE INTO past VALUES (?, ?, ?)")
      .execute(arguments: [
        stream, Int64(clamping: number), sealed(snapshot.bytes, pastName(of: stream, number)),
      ])
    // The one behind the last `count`, and all before it.
    try database.cachedStatement(
      sql: """
        DELETE FROM past WHERE stream = ? AND number <= (
          SELECT number FROM past WHERE stream = ? ORDER BY number DESC LIMIT 1 OFFSET ?)
        """
    ).execute(arguments: [stream, stream, count])
  }

  static func dropPast(of stream: String, beyond number: UInt64?, in database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM past WHERE stream = ? AND number > ?")
      .execute(arguments: [stream, number.map { Int64(clamping: $0) } ?? -1])
  }

  /// The numbers of a stream's checkpoints, oldest first.
  package func pastNumbers(of stream: String) throws(StoreError) -> [UInt64] {
    try read {
      try Int64.fetchAll(
        $0, sql: "SELECT number FROM past WHERE stream = ? ORDER BY number", arguments: [stream])
    }.map { UInt64($0) }
  }

  /// The newest of them at or below a number: a `StreamSnapshot`.
  package func past(of stream: String, through number: UInt64) throws(StoreError) -> [UInt8]? {
    let row = try read {
      try Row.fetchOne(
        $0,
        sql: "SELECT number, body FROM past WHERE stream = ? AND number <= ? "
          + "ORDER BY number DESC LIMIT 1",
        arguments: [stream, Int64(clamping: number)])
    }
    guard let row else { return nil }
    let found = UInt64(clamping: row[0] as Int64)
    return try opened(row[1], StateStore.pastName(of: stream, found))
  }
}
