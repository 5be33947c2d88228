import Foundation
import GRDB
import Testing

@testable import Durability

/// What becomes of a sync that fails beside commits.
struct LogEmptierTests {
  /// Empties a log; `file` is what is synced behind it.
  private func emptied(
    into file: String? = nil, prepare: @escaping @Sendable () throws -> Void = {}
  ) throws -> StoreError? {
    let folder = FileManager.default.temporaryDirectory.appending(path: "log-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    let path = folder.appending(path: "state.sqlite").path
    let connection = try DatabaseQueue(path: path)
    try connection.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
    let emptier = try LogEmptier(connection, path: file ?? path)
    emptier.begin(prepare)
    emptier.finish()
    #expect(emptier.progress == .done)
    emptier.closeFile()
    try FileManager.default.removeItem(at: folder)
    return emptier.failure
  }

  @Test func aSyncThatSucceedsIsNoFailure() throws {
    #expect(try emptied() == nil)
  }

  @Test func aSyncOfTheOutputThatFailsIsKept() throws {
    let failure = StoreError.failed(path: "output", reason: "fsync: an error")
    #expect(try emptied { throw failure } == failure)
  }

  /// A device that cannot be synced: EINVAL.
  @Test func aSyncOfTheFileThatFailsIsKept() throws {
    let failure = try #require(try emptied(into: "/dev/null"))
    #expect("\(failure)".contains("fdatasync"), "\(failure)")
  }
}
