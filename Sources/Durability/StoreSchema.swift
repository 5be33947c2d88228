import CXXHash
import Foundation
import GRDB

/// The tables of a store, and how one of an earlier version becomes one of this.
///
/// `PRAGMA user_version` says which version a file has; 0 is a new one. Each step of a migration and
/// the new number are one transaction.
enum StoreSchema {
  static let version = 2

  /// Checks that the file is whole and of a version that is known; makes the tables, or brings older
  /// ones up to date.
  ///
  /// - Throws: a `StoreError`.
  static func prepare(_ database: Database, _ path: String) throws {
    try check(database, path)
    let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    guard found <= version, found >= 0 else {
      throw StoreError.newerVersion(path: path, version: found, known: version)
    }
    if found == 0 { try create(database) }
    try database.execute(sql: leftAnswersTable)
    if found == 1 {
      try addIdleTimes(database)
      try sealNames(database, path)
    }
    try database.execute(sql: pastTable)
    try StateStore.createModels(database)
    try database.execute(sql: StateStore.keptSchema)
    try database.execute(sql: "PRAGMA user_version = \(version)")
  }

  /// Has SQLite look at every page.
  ///
  /// - Throws: `StoreError.damaged`.
  static func check(_ database: Database, _ path: String) throws {
    let report = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
    guard report == ["ok"] else {
      throw StoreError.damaged(path: path, what: report.first ?? "it cannot be read")
    }
  }

  private static func create(_ database: Database) throws {
    try database.execute(
      sql: """
        CREATE TABLE inputs (id INTEGER PRIMARY KEY, records BLOB NOT NULL);
        CREATE TABLE standings (
          stream TEXT PRIMARY KEY, ended INTEGER NOT NULL, body BLOB NOT NULL,
          used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
        CREATE INDEX standings_ended ON standings (stream) WHERE ended;
        CREATE INDEX standings_used ON standings (used) WHERE NOT ended;
        CREATE TABLE checkpoints (
          stream TEXT PRIMARY KEY, ended INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
        CREATE INDEX checkpoints_ended ON checkpoints (stream) WHERE ended;
        CREATE TABLE written (
          stream TEXT PRIMARY KEY, ended INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
        CREATE INDEX written_ended ON written (stream) WHERE ended;
        CREATE TABLE written_log (id INTEGER PRIMARY KEY, records BLOB NOT NULL);
        CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        """)
  }

  /// Checkpoints to rewind to.
  private static let pastTable = """
    CREATE TABLE IF NOT EXISTS past (
      stream TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
      PRIMARY KEY (stream, number)) WITHOUT ROWID;
    """

  private static let leftAnswersTable = """
    CREATE TABLE IF NOT EXISTS left_answers (
      stream TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    """

  /// The values of a store.
  private static let values: [(table: String, key: String, body: String)] = [
    ("inputs", "id", "records"), ("written_log", "id", "records"),
    ("standings", "stream", "body"), ("checkpoints", "stream", "body"),
    ("written", "stream", "body"), ("left_answers", "stream", "body"),
  ]

  /// Looks at the checksum of every value.
  ///
  /// - Throws: `StoreError.damaged`.
  static func checkSeals(_ database: Database, _ path: String) throws {
    for (table, key, body) in values {
      let rows = try Row.fetchCursor(database, sql: "SELECT \(key), \(body) FROM \(table)")
      while let row = try rows.next() {
        let name = name(of: row[0], in: table)
        guard let data = row[1] as Data?, StateStore.body(of: data, name) != nil else {
          throw StoreError.damaged(
            path: path, what: "\(name) has another checksum than it was written with")
        }
      }
    }
    let kept = try Row.fetchCursor(database, sql: "SELECT stream, life, next, lines FROM kept")
    while let row = try kept.next() {
      let name = StateStore.keptName(
        of: row[0], UInt64(bitPattern: row[1] as Int64), upTo: UInt64(bitPattern: row[2] as Int64))
      guard let data = row[3] as Data?, StateStore.body(of: data, name) != nil else {
        throw StoreError.damaged(
          path: path, what: "\(name) has another checksum than it was written with")
      }
    }
    let past = try Row.fetchCursor(database, sql: "SELECT stream, number, body FROM past")
    while let row = try past.next() {
      let name = StateStore.pastName(of: row[0], UInt64(clamping: row[1] as Int64))
      guard let data = row[2] as Data?, StateStore.body(of: data, name) != nil else {
        throw StoreError.damaged(
          path: path, what: "\(name) has another checksum than it was written with")
      }
    }
    for key in try DatabaseValue.fetchAll(database, sql: "SELECT name FROM facts") {
      guard case .string(let name) = key.storage else {
        throw StoreError.damaged(path: path, what: "a fact has no name")
      }
      _ = try StateStore.fact(name, database, path)
    }
  }

  /// What a value was sealed with.
  ///
  /// A key of another type than it was written with has no such name: it would be looked for in vain,
  /// though its characters are the same.
  private static func name(of key: DatabaseValue, in table: String) -> String {
    switch (table, key.storage) {
    case ("inputs", .int64(let group)): StateStore.inputsName(UInt64(bitPattern: group))
    case ("written_log", .int64(let group)): StateStore.writtenName(UInt64(bitPattern: group))
    case (_, .string(let stream)): StateStore.name(of: stream, in: table)
    default: "a name in \(table)"
    }
  }

  // MARK: Migration

  /// Version 1 did not say when a stream was sent to last: it has been idle since now.
  private static func addIdleTimes(_ database: Database) throws {
    try database.execute(
      sql: """
        ALTER TABLE standings ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX standings_used ON standings (used) WHERE NOT ended;
        """)
  }

  /// Version 1 had checksums over the values alone, and none behind the facts.
  private static func sealNames(_ database: Database, _ path: String) throws {
    // What late readers may still want is not worth a migration.
    try database.execute(sql: "DROP TABLE IF EXISTS kept")
    for (table, key, body) in values {
      let keys = try DatabaseValue.fetchAll(database, sql: "SELECT \(key) FROM \(table)")
      for value in keys {
        let data = try Data.fetchOne(
          database, sql: "SELECT \(body) FROM \(table) WHERE \(key) = ?", arguments: [value])
        let name = name(of: value, in: table)
        guard let data, let bytes = bodyOfVersion1(data) else {
          throw StoreError.damaged(
            path: path, what: "\(name) has another checksum than it was written with")
        }
        try database.execute(
          sql: "UPDATE \(table) SET \(body) = ? WHERE \(key) = ?",
          arguments: [StateStore.sealed(bytes, name), value])
      }
    }
    for row in try Row.fetchAll(database, sql: "SELECT name, value FROM facts") {
      try StateStore.setFact(row["name"], to: row["value"], database)
    }
  }

  private static func bodyOfVersion1(_ data: Data) -> [UInt8]? {
    guard data.count >= 8 else { return nil }
    let body = [UInt8](data.dropLast(8))
    let sum = data.suffix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return body.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) } == sum ? body : nil
  }
}
