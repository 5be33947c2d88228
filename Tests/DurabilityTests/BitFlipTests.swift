import Foundation
import GRDB
import Testing

@testable import Durability

/// A store of which one bit has changed gives what was written, or nothing.
struct BitFlipTests {
  private let folder = try? TemporaryStoreFolder()

  /// What a store says of ten streams.
  private struct Content: Equatable {
    var standings: [StreamStanding?] = []
    var checkpoints: [StreamCheckpoint?] = []
    var written: [WrittenAnswers?] = []
    var left: [LeftAnswers?] = []
    var groups: [UInt64: [InputRecord]] = [:]
    var writtenGroups: [WrittenAnswers.Record] = []
    var outputLength: Int64?

    /// What is not as it was.
    func differences(from other: Content) -> [String] {
      [
        standings == other.standings ? nil : "standings",
        checkpoints == other.checkpoints ? nil : "checkpoints",
        written == other.written ? nil : "written", left == other.left ? nil : "left",
        groups == other.groups ? nil : "groups",
        writtenGroups == other.writtenGroups ? nil : "writtenGroups",
        outputLength == other.outputLength ? nil : "outputLength",
      ].compactMap(\.self)
    }

    init(of store: StateStore) throws {
      for name in BitFlipTests.names {
        standings.append(try store.standing(of: name))
        checkpoints.append(try store.checkpoint(of: name))
        written.append(try store.written(of: name))
        left.append(try store.leftAnswers(of: name))
      }
      try store.forEachInputGroup { groups[$0] = $1 }
      _ = try store.forEachWritten { writtenGroups.append($0) }
      outputLength = try store.outputLength()
    }
  }

  private static let names = (0..<40).map { "camera-\($0)" }

  private static func standing(_ version: UInt64) -> StreamStanding {
    StreamStanding(
      life: 3, epoch: 0, expected: version, isClosed: false, firstInput: 0, nextStep: version,
      messages: 1, pendingFlags: 0, carry: [1, 2, 3])
  }

  /// One version of everything, in one commit.
  private static func changes(_ version: UInt64) -> [StoreChange] {
    var changes: [StoreChange] = []
    var group: [UInt8] = []
    for name in names {
      let checkpoint = StreamCheckpoint(
        life: 3, messages: 1, nextStep: version, stepsSinceReset: 5, stepsSinceAnswer: 0, last: nil,
        state: (0..<100).map { Float($0 * Int(version)) })
      InputRecord(stream: name, standing: standing(version)).append(to: &group)
      changes += [
        .standing(name, standing(version)), .checkpoint(name, checkpoint),
        .settleWritten(name, WrittenAnswers(life: 3, next: version)),
        .leaveAnswers(
          name,
          LeftAnswers(
            life: 3, messages: version,
            answers: [
              LeftAnswers.Answer(
                header: Array(0..<56), payload: Array(0..<40), ids: [], note: [], inputs: [],
                firstInput: version)
            ])),
      ]
    }
    return changes + [
      .inputs(group: version, records: group),
      .written(
        group: version,
        [.init(stream: "camera-1", written: WrittenAnswers(life: 3, next: version))]),
      .outputLength(Int64(version) * 100, descriptor: 1),
    ]
  }

  @Test("fault 4: bit flip in the store") func aFlippedBitNeverGivesAnotherState() throws {
    let path = try #require(folder).path
    let store = try StateStore(path: path, durability: .os, owner: ["model": "sha256:1"])
    for version in 1...3 { try store.wait(for: store.submit(Self.changes(UInt64(version)))) }
    store.finish()
    let whole = try Data(contentsOf: URL(filePath: path))
    let expected = try Self.open(path) { try Content(of: $0) }
    let places = Self.bytesInUse(of: [UInt8](whole))
    var chance = SystemRandomNumberGenerator()
    var refused = 0
    let flips = Self.isThorough ? 20_000 : 300
    for _ in 0..<flips {
      let place = places[Int.random(in: 0..<places.count, using: &chance)]
      let bit = place * 8 + Int.random(in: 0..<8, using: &chance)
      var bytes = whole
      bytes[place] ^= 1 << (bit % 8)
      try bytes.write(to: URL(filePath: path))
      do {
        let content = try Self.open(path) { try Content(of: $0) }
        #expect(content.differences(from: expected).isEmpty, "bit \(bit) of byte \(bit / 8)")
      } catch let error as StoreError {
        refused += 1
        #expect(Self.saysWhatToDo(error), "bit \(bit): \(error)")
      }
    }
    print("\(flips) flips of \(places.count * 8) bits: \(refused) refused, the others in no value")
    // What is left of earlier values, and indexes, are in no value: one bit in forty.
    #expect(refused > flips * 9 / 10)
  }

  /// Where the pages of a store hold something: much of a small file is room for more, and nothing is
  /// read there.
  ///
  /// <https://www.sqlite.org/fileformat2.html#b_tree_pages>
  private static func bytesInUse(of file: [UInt8]) -> [Int] {
    func number(at place: Int) -> Int { Int(file[place]) << 8 | Int(file[place + 1]) }
    let pageSize = number(at: 16)
    return stride(from: 0, to: file.count, by: pageSize).flatMap { page -> [Int] in
      // The file's own header lies before the first page's.
      let header = page == 0 ? 100 : page
      let pointers: Int
      switch file[header] {
      case 2, 5: pointers = header + 12
      case 10, 13: pointers = header + 8
      default: return Array(page..<page + pageSize)  // what a long value goes on in
      }
      let cells = number(at: header + 3)
      guard cells > 0 else { return [] }
      return Array(page..<pointers + 2 * cells)
        + Array(page + number(at: header + 5)..<page + pageSize)
    }
  }

  /// A killed process leaves a log beside the file: what is behind the changed bit is as if it had not been
  /// committed, all of it.
  @Test("fault 4: bit flip in the store's log") func aFlippedBitInTheLogGoesBackToACommit() throws {
    let path = try #require(folder).path
    let store = try StateStore(path: path, durability: .os, owner: ["model": "sha256:1"])
    try store.wait(for: store.submit(Self.changes(1)))
    store.finish()
    var versions = [try Self.open(path) { try Content(of: $0) }]
    let again = try StateStore(path: path, durability: .os, owner: ["model": "sha256:1"])
    for version in 2...4 {
      try again.wait(for: again.submit(Self.changes(UInt64(version))))
      versions.append(try Content(of: again))
    }
    let whole = try Data(contentsOf: URL(filePath: path))
    let log = try Data(contentsOf: URL(filePath: path + "-wal"))
    again.finish()
    #expect(log.count > 10_000)
    var chance = SystemRandomNumberGenerator()
    var found: [Int] = [0, 0, 0, 0]
    for _ in 0..<(Self.isThorough ? 5000 : 100) {
      let bit = Int.random(in: 0..<log.count * 8, using: &chance)
      var bytes = log
      bytes[bit / 8] ^= 1 << (bit % 8)
      try whole.write(to: URL(filePath: path))
      try bytes.write(to: URL(filePath: path + "-wal"))
      _ = try? FileManager.default.removeItem(atPath: path + "-shm")
      let content = try Self.open(path) { try Content(of: $0) }
      let version = try #require(versions.firstIndex(of: content), "bit \(bit)")
      found[version] += 1
    }
    print("went back to commit: \(found)")
    #expect(found[3] == 0)
  }

  private static func open<Result>(_ path: String, _ body: (StateStore) throws -> Result) throws
    -> Result
  {
    let store = try StateStore(path: path, durability: .os, owner: ["model": "sha256:1"])
    defer { store.finish() }
    return try body(store)
  }

  private static func saysWhatToDo(_ error: StoreError) -> Bool {
    switch error {
    case .damaged, .newerVersion: true
    default: false
    }
  }

  /// `make faults` runs the tests with many more flips.
  private static let isThorough =
    ProcessInfo.processInfo.environment["MILLRACE_THOROUGH"] != nil
}

/// A folder for a store; it goes with its last user.
final class TemporaryStoreFolder {
  let path: String
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appending(path: "state.sqlite").path
  }

  deinit { _ = try? FileManager.default.removeItem(at: folder) }
}
