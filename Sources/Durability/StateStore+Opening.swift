import Foundation
import GRDB

/// The file, its lock, and whose it is.
extension StateStore {
  /// One process at a time: an advisory lock on a file beside the store.
  static func lock(_ path: String) throws(StoreError) -> Int32 {
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

  static func pool(at path: String, _ durability: Durability) throws -> DatabasePool {
    let pool = try DatabasePool(path: path, configuration: configuration)
    try pool.writeWithoutTransaction { try set(durability, $0) }
    return pool
  }

  /// A connection beside the pool's.
  static func second(at path: String, _ durability: Durability) throws -> DatabaseQueue {
    let connection = try DatabaseQueue(path: path, configuration: configuration)
    try connection.writeWithoutTransaction { try set(durability, $0) }
    return connection
  }

  /// Pages of the file that a connection keeps: with SQLite's own 2 MiB each row of thousands of live
  /// streams would be read anew.
  private static let cacheKiB = 32 << 10

  private static var configuration: Configuration {
    // Whoever reads may take SQLite's lock of writers for an instant, to look at the log's index again
    // that a commit was just changing.
    var configuration = Configuration()
    configuration.busyMode = .timeout(busySeconds)
    return configuration
  }

  /// Sets what a connection does not have of itself.
  ///
  /// Behind GRDB, which says NORMAL where it turns WAL mode on. The store empties its log itself.
  private static func set(_ durability: Durability, _ database: Database) throws {
    let synchronous = durability == .fsync ? "FULL" : "NORMAL"
    try database.execute(
      sql:
        "PRAGMA synchronous = \(synchronous); PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = \(-cacheKiB)"
    )
  }

  /// Writes down what the state of a new store belongs to; compares that of one that is there.
  static func claim(
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
