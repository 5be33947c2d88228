import Durability
import Foundation
import Recurrence
import Synchronization
import Testing
import Wire

@testable import Millrace

/// Checkpoints on their way into the store.
struct CheckpointQueueTests {
  private static func entry(_ id: StreamID, messages: UInt64) -> CheckpointQueue.Entry {
    CheckpointQueue.Entry(
      stream: id, place: MessagePlace(life: 1, messages: messages),
      checkpoint: StreamCheckpoint(
        life: 1, messages: messages, nextStep: messages, stepsSinceReset: 0, stepsSinceAnswer: 0,
        last: nil, state: []))
  }

  private final class Time: Sendable {
    let nanoseconds = Atomic<UInt64>(0)
  }

  private static func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "checkpoints-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    return folder
  }

  private static func remove(_ folder: URL) {
    #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) }
  }

  private static func store(in folder: URL) throws -> StateStore {
    try StateStore(
      committedByCallerAt: folder.appending(path: "s.sqlite").path, durability: .os, owner: [:])
  }

  /// Behind a restart, nobody may come for a stream's replies for a minute.
  @Test func aStreamWithoutLeaveKeepsNoOtherWaiting() throws {
    let folder = try Self.folder()
    defer { Self.remove(folder) }
    let store = try Self.store(in: folder)
    defer { store.finish() }
    let queue = try CheckpointQueue(store, interval: 0, leavesYoung: true, clock: .monotonic)
    var asked: [String] = []
    var saved: [String] = []
    func turn(isStopping: Bool = false) throws {
      queue.close(sent: 0) {
        asked.append("\($0.stream) \($0.place.messages)")
      }
      func advance() throws {
        try queue.advance(written: 0, isStopping: isStopping) {
          saved.append("\($0.stream) \($0.place.messages)")
        }
      }
      try advance()
      _ = store.commitGathered()
      try advance()
    }
    queue.append(Self.entry(StreamID(literal: "away"), messages: 3))
    queue.append(Self.entry(StreamID(literal: "here"), messages: 5))
    try turn()
    #expect(asked == ["away 3", "here 5"] && saved.isEmpty)
    queue.leave(StreamID(literal: "here"), MessagePlace(life: 1, messages: 5))
    queue.append(Self.entry(StreamID(literal: "away"), messages: 4))
    try turn()
    #expect(saved == ["here 5"])
    #expect(try store.checkpoint(of: "here")?.messages == 5)
    #expect(try store.checkpoint(of: "away") == nil)
    // Leave for the older one alone.
    queue.leave(StreamID(literal: "away"), MessagePlace(life: 1, messages: 3))
    try turn()
    #expect(saved == ["here 5", "away 3"])
    // A stop waits for nobody, and saves nothing of who has not come.
    try turn(isStopping: true)
    #expect(saved == ["here 5", "away 3"] && queue.isIdle)
    // Leave may come before it is asked for, for so much and no more.
    queue.leave(StreamID(literal: "away"), MessagePlace(life: 1, messages: 6))
    queue.append(Self.entry(StreamID(literal: "away"), messages: 6))
    queue.append(Self.entry(StreamID(literal: "away"), messages: 7))
    try turn(isStopping: true)
    #expect(saved == ["here 5", "away 3", "away 4", "away 6"] && queue.isIdle)
    #expect(asked == ["away 3", "here 5", "away 4", "away 7"])
  }

  /// A client that lost its connection a moment before a stop has not got the last answers.
  @Test(arguments: [true, false])
  func whatIsYoungStaysInTheLogAtAStop(leavesYoung: Bool) throws {
    let folder = try Self.folder()
    defer { Self.remove(folder) }
    let store = try Self.store(in: folder)
    defer { store.finish() }
    let time = Time()
    let queue = try CheckpointQueue(
      store, interval: 1000, leavesYoung: leavesYoung,
      clock: StageClock { time.nanoseconds.load(ordering: .relaxed) })
    var saved: [String] = []
    func turn() throws {
      queue.close(sent: 0) { queue.leave($0.stream, $0.place) }
      for _ in 0..<2 {
        try queue.advance(written: 0, isStopping: true) { saved.append($0.stream.name) }
        _ = store.commitGathered()
      }
    }
    queue.append(Self.entry(StreamID(literal: "old"), messages: 1))
    queue.close(sent: 0) { queue.leave($0.stream, $0.place) }
    time.nanoseconds.store(1_000_000_000, ordering: .relaxed)
    queue.append(Self.entry(StreamID(literal: "young"), messages: 1))
    #expect(!queue.isIdle)
    try turn()
    #expect(saved == (leavesYoung ? ["old"] : ["old", "young"]))
    #expect(queue.isIdle)
    // One that becomes as old while the stop waits for other things is saved all the same.
    time.nanoseconds.store(2_000_000_000, ordering: .relaxed)
    #expect(queue.isIdle != leavesYoung)
    try turn()
    #expect(saved == ["old", "young"] && queue.isIdle)
  }
}
