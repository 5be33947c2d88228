import Foundation
import GRDB

/// Changes as rows.
extension StateStore {
  /// Applies all changes or none.
  ///
  /// GRDB's own transactions have SQLite parse their beginning and their end anew each time, which is a
  /// tenth of a small commit.
  static func transact(_ changes: [StoreChange], on database: Database) throws {
    try database.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
    do {
      try apply(changes, to: database)
      try database.cachedStatement(sql: "COMMIT").execute()
    } catch {
      try? database.rollback()  // why: the first error is the one that is told
      throw error
    }
  }

  static func apply(_ changes: [StoreChange], to database: Database) throws {
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
      case .leaveAnswers(let stream, let left):
        try database.cachedStatement(sql: "REPLACE INTO left_answers VALUES (?, ?)")
          .execute(arguments: [stream, sealed(left.bytes, name(of: stream, in: "left_answers"))])
      case .dropLeftAnswers:
        try database.execute(sql: "DELETE FROM left_answers")
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
}
