import Durability
import Foundation
import Synchronization
import Testing
import Wire

@testable import Millrace

/// Which ends of streams the sink's store remembers.
struct WrittenLogTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "written-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// More end between two rounds than are remembered: those whose rows were not there yet are let go
  /// with the next round.
  @Test func endsBeyondTheBoundAreLetGoLater() throws {
    let store = try StateStore(
      committedByCallerAt: folder.appending(path: "state.sqlite").path, durability: .os, owner: [:],
      rowsPerCommit: 1 << 20)
    let time = Mutex(UInt64(0))
    let log = try WrittenLog(
      store, historyMilliseconds: nil, clock: StageClock { time.withLock(\.self) })
    let connection = Connection(routingID: [1], window: 1 << 20, milliseconds: 0)
    /// Writes the last answers of streams, and goes on until their rows are committed.
    func end(_ numbers: Range<Int>) throws {
      for number in numbers {
        let stream = try #require(StreamID("s\(number)"))
        log.set(WrittenAnswers(life: UInt64(number + 1), next: 1, isEnded: true), of: stream)
      }
      log.hold(1, of: connection)
      time.withLock { $0 += 60_000_000_000 }
      for _ in 0..<3 {
        try log.advance(outputLength: nil)
        #expect(store.commitGathered() == .committed)
      }
    }
    let most = 4 * Limits.closedStreams
    try end(0..<most + 50)
    #expect(try store.endedStreams(in: .written).count == most + 50)
    try end(most + 50..<most + 51)
    let left = Set(try store.endedStreams(in: .written))
    #expect(left.count == most)
    #expect(left.contains("s\(most + 50)"))
    store.finish()
    try FileManager.default.removeItem(at: folder)
  }
}
