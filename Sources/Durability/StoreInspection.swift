import Foundation
import GRDB

/// A look at a state store that changes nothing in it; a daemon may be using it.
package struct StoreInspection: Sendable {
  package let byteCount: Int
  /// Open streams with a checkpoint.
  package let checkpoints: Int
  package let sqliteVersion: String
  /// The models of swaps, oldest first; empty where none was ever swapped in.
  package let models: [ModelRecord]

  /// Reads the file and has SQLite check it (`PRAGMA quick_check`).
  ///
  /// - Throws: a `StoreError` that says what is wrong.
  package init(path: String) throws(StoreError) {
    do {
      var configuration = Configuration()
      configuration.readonly = true
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      (checkpoints, sqliteVersion, models) = try queue.read { database in
        try StoreSchema.check(database, path)
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version <= StoreSchema.version else {
          throw StoreError.newerVersion(
            path: path, version: version, known: StoreSchema.version)
        }
        guard version > 0 else {
          throw StoreError.damaged(path: path, what: "it is no state store of Millrace")
        }
        return (
          try Int.fetchOne(database, sql: "SELECT count(*) FROM checkpoints") ?? 0,
          try String.fetchOne(database, sql: "SELECT sqlite_version()") ?? "unknown",
          try StateStore.models(of: database)
        )
      }
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      byteCount = attributes[.size] as? Int ?? 0
    } catch {
      throw StateStore.error(error, path)
    }
  }
}
