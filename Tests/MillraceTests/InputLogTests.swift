import Durability
import Foundation
import Testing
import Wire

@testable import Millrace

/// Accepted input on its way through the store.
struct InputLogTests {
  /// A welcome tells where a stream stands, and whoever goes on from there has nothing of what was
  /// below: it waits until that is durable, as an acknowledgement does.
  @Test("fault 1: what is told of a stream waits until it is durable")
  func whatIsToldOfAStreamWaitsUntilItIsDurable() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "log-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
    let store = try StateStore(
      committedByCallerAt: folder.appending(path: "s.sqlite").path, durability: .os, owner: [:])
    let log = try InputLog(store, clock: .monotonic)
    var told: [String] = []
    func advance() throws {
      try log.advance { _, _ in
      } forward: { _ in
      }
    }
    log.record(IngressStream(id: StreamID(literal: "a"), worker: 0))
    log.afterCommit { told.append("a") }
    log.submit()
    try advance()
    #expect(told.isEmpty && !log.isIdle)
    #expect(store.commitGathered() == .committed)
    try advance()
    #expect(told == ["a"] && log.isIdle)
    // Behind nothing that is on its way it is told in the next turn.
    log.afterCommit { told.append("b") }
    log.submit()
    try advance()
    #expect(told == ["a", "b"])
    store.finish()
  }
}
