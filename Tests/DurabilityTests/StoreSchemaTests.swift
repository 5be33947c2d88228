import CXXHash
import Foundation
import GRDB
import Testing

@testable import Durability

/// Stores of other versions.
struct StoreSchemaTests {
  private let folder = try? TemporaryStoreFolder()

  @Test func aLaterVersionIsRefused() throws {
    let path = try #require(folder).path
    try StateStore(path: path, durability: .os, owner: [:]).finish()
    let later = StoreSchema.version + 1
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: "PRAGMA user_version = \(later)") }
    try queue.close()
    let expected = StoreError.newerVersion(
      path: path, version: later, known: StoreSchema.version)
    #expect(throws: expected) { try StateStore(path: path, durability: .os, owner: [:]) }
    #expect("\(expected)".contains("use the program that wrote it"))
    #expect(throws: expected) { try StoreInspection(path: path) }
  }

  /// As the first version of this program wrote it.
  @Test func aStoreOfVersion1IsBroughtUpToDate() throws {
    let path = try #require(folder).path
    let standing = StreamStanding(
      life: 3, epoch: 0, expected: 5, isClosed: false, firstInput: 0, nextStep: 5, messages: 1,
      pendingFlags: 0)
    let checkpoint = StreamCheckpoint(
      life: 3, messages: 1, nextStep: 5, stepsSinceReset: 5, stepsSinceAnswer: 0, last: nil,
      state: [1, 2, 3])
    var group: [UInt8] = []
    InputRecord(stream: "a", standing: standing).append(to: &group)
    let queue = try DatabaseQueue(path: path)
    try queue.write { database in
      try database.execute(sql: Self.version1)
      try database.execute(
        sql: "INSERT INTO inputs VALUES (7, ?)", arguments: [Self.sealed(group)])
      for (table, body) in [
        ("standings", standing.bytes), ("checkpoints", checkpoint.bytes),
        ("written", WrittenAnswers(life: 3, next: 4).bytes),
      ] {
        try database.execute(
          sql: "INSERT INTO \(table) VALUES ('a', 0, ?)", arguments: [Self.sealed(body)])
      }
      try database.execute(
        sql: "INSERT INTO facts VALUES ('model', 'sha256:1'), ('output-length', '77')")
    }
    try queue.close()
    for _ in 0..<2 {  // the second time it is of this version
      let store = try StateStore(path: path, durability: .os, owner: ["model": "sha256:1"])
      #expect(try store.standing(of: "a") == standing)
      #expect(try store.checkpoint(of: "a") == checkpoint)
      #expect(try store.written(of: "a") == WrittenAnswers(life: 3, next: 4))
      #expect(try store.outputLength() == 77)
      var groups: [UInt64: [InputRecord]] = [:]
      try store.forEachInputGroup { groups[$0] = $1 }
      #expect(groups == [7: [InputRecord(stream: "a", standing: standing)]])
      store.finish()
    }
    #expect(throws: StoreError.self) {
      try StateStore(path: path, durability: .os, owner: ["model": "sha256:2"])
    }
  }

  /// Without names: what it wrote over a value was the value's checksum alone.
  @Test func aDamagedStoreOfVersion1IsNotMadeGood() throws {
    let path = try #require(folder).path
    let queue = try DatabaseQueue(path: path)
    try queue.write { database in
      try database.execute(sql: Self.version1)
      var body = Self.sealed([1, 2, 3])
      body[1] ^= 4
      try database.execute(sql: "INSERT INTO standings VALUES ('a', 0, ?)", arguments: [body])
    }
    try queue.close()
    #expect(throws: StoreError.self) { try StateStore(path: path, durability: .os, owner: [:]) }
    let version = try DatabaseQueue(path: path).read {
      try Int.fetchOne($0, sql: "PRAGMA user_version")
    }
    #expect(version == 1)
  }

  private static func sealed(_ body: [UInt8]) -> Data {
    var data = Data(body)
    let sum = body.withUnsafeBytes { XXH3_64bits($0.baseAddress, $0.count) }
    withUnsafeBytes(of: sum.littleEndian) { data.append(contentsOf: $0) }
    return data
  }

  private static let version1 = """
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
    PRAGMA user_version = 1;
    """
}
