import Foundation
import Testing

@testable import Durability

/// Output lines that are kept for readers who come late.
struct KeptLinesTests {
  private let path: String

  init() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "kept-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appending(path: "state.sqlite").path
  }

  private func open() throws -> StateStore {
    try StateStore(path: path, durability: .os, owner: ["model": "sha256:1"])
  }

  private func row(_ stream: String, _ life: UInt64, _ numbers: Range<UInt64>) -> KeptLines {
    KeptLines(
      stream: stream, life: life, first: numbers.lowerBound, next: numbers.upperBound,
      lines: numbers.map { .init(number: $0, text: Array("\(stream) \($0)\n".utf8)) })
  }

  @Test func theyAreReadBehindAPlaceAlsoAfterReopening() throws {
    do {
      let store = try open()
      store.submit([
        .keep([row("a", 1, 0..<3), row("b", 2, 0..<2)], second: 10),
        .keep([row("a", 1, 3..<4), row("a", 4, 0..<2)], second: 11),
      ])
      store.finish()
    }
    let store = try open()
    defer { store.finish() }
    func places(behind life: UInt64, _ number: UInt64, limit: Int = 9) throws -> [UInt64] {
      try store.kept(of: "a", behind: KeptPlace(life: life, number: number), limit: limit)
        .map { $0.life * 100 + $0.next }
    }
    #expect(try store.newestKeptLife(of: "a") == 4)
    #expect(try store.newestKeptLife(of: "c") == nil)
    #expect(try places(behind: 1, 0) == [103, 104, 402])
    #expect(try places(behind: 1, 2, limit: 1) == [103])
    #expect(try places(behind: 1, 3) == [104, 402])
    #expect(try places(behind: 2, 9) == [402])
    #expect(try places(behind: 4, 2) == [])
    #expect(
      try store.kept(of: "b", behind: KeptPlace(life: 2, number: 0), limit: 1)
        == [row("b", 2, 0..<2)])
  }

  @Test func theOldestGoByAgeAndBySize() throws {
    let store = try open()
    defer { store.finish() }
    for second in UInt64(1)...5 {
      store.submit([.keep([row("a", 1, second..<second + 1)], second: second)])
    }
    func numbers() throws -> [UInt64] {
      try store.kept(of: "a", behind: KeptPlace(life: 0, number: 0), limit: 9).map(\.first)
    }
    try store.wait(for: store.submit([.trimKept(before: 3, bytesMax: 1 << 20)]))
    #expect(try numbers() == [3, 4, 5])
    // A row is its lines and their checksum: 8 + 4 + 4 + 8 bytes.
    try store.wait(for: store.submit([.trimKept(before: 0, bytesMax: 48)]))
    #expect(try numbers() == [4, 5])
    try store.wait(for: store.submit([.trimKept(before: 9, bytesMax: 1 << 20)]))
    #expect(try numbers() == [])
    try store.wait(for: store.submit([.keep([row("a", 1, 6..<7)], second: 9)]))
    #expect(try numbers() == [6])
  }

  @Test func aStoreOfBeforeGetsTheTable() throws {
    try open().finish()
    let store = try open()
    defer { store.finish() }
    try store.wait(for: store.submit([.keep([row("a", 1, 0..<1)], second: 1)]))
    #expect(try store.newestKeptLife(of: "a") == 1)
  }
}
