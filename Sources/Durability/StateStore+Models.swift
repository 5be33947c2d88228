import GRDB

/// The models of swaps: `facts` has the hash of the one that serves, `models` all of them, once one was
/// swapped.
extension StateStore {
  static func createModels(_ database: Database) throws {
    try database.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS models (
          generation INTEGER PRIMARY KEY, policy TEXT NOT NULL, path TEXT NOT NULL,
          hash TEXT NOT NULL, released INTEGER NOT NULL);
        """)
  }

  /// Oldest first; empty where none was ever swapped.
  package func models() throws(StoreError) -> [ModelRecord] {
    try read { try StateStore.models(of: $0) }
  }

  static func models(of database: Database) throws -> [ModelRecord] {
    guard try database.tableExists("models") else { return [] }
    return try Row.fetchAll(database, sql: "SELECT * FROM models ORDER BY generation").map { row in
      let generation: Int64 = row["generation"]
      var record = ModelRecord(
        generation: UInt64(generation), policy: row["policy"], path: row["path"],
        hash: row["hash"])
      record.isReleased = row["released"]
      return record
    }
  }

  /// Whether the store knows a model that serves no more: its streams went on with another.
  static func hasServed(_ hash: String, _ database: Database) throws -> Bool {
    try models(of: database).contains { $0.hash == hash }
  }

  static func put(_ record: ModelRecord, _ database: Database) throws {
    try database.cachedStatement(sql: "REPLACE INTO models VALUES (?, ?, ?, ?, ?)")
      .execute(arguments: [
        Int64(record.generation), record.policy, record.path, record.hash, record.isReleased,
      ])
    let newest = try models(of: database).last
    // A version that knows of no swaps must not go on with the model before.
    try setFact("model", to: newest?.hash ?? record.hash, database)
  }

  /// How many open streams stand on each generation, as their rows have it.
  package func openStreams() throws(StoreError) -> [UInt64: Int] {
    var counts: [UInt64: Int] = [:]
    var after = ""
    while true {
      let names = try streams(behind: after, limit: 1024)
      guard let last = names.last else { return counts }
      for name in names {
        guard let standing = try standing(of: name), !standing.isClosed else { continue }
        counts[standing.generation, default: 0] += 1
      }
      after = last
    }
  }
}
