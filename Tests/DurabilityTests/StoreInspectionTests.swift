import Foundation
import Testing

@testable import Durability

/// A look at a store changes nothing, also while a daemon has it.
struct StoreInspectionTests {
  @Test func aStoreInUseIsLookedAt() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "look-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "state.sqlite").path
    let store = try StateStore(path: path, durability: .os, owner: ["model": "sha256:1"])
    let checkpoint = StreamCheckpoint(
      life: 1, messages: 1, nextStep: 5, stepsSinceReset: 5, stepsSinceAnswer: 0, last: nil,
      state: [1, 2, 3])
    try store.wait(
      for: store.submit([.checkpoint("a", checkpoint), .checkpoint("b", checkpoint)]))
    let inspection = try StoreInspection(path: path)
    #expect(inspection.checkpoints == 2)
    #expect(inspection.byteCount > 0)
    #expect(inspection.sqliteVersion.hasPrefix("3."))
    store.finish()
    // A page of zeros in the middle is found.
    #expect(try StoreInspection(path: path).checkpoints == 2)
    let handle = try FileHandle(forUpdating: URL(filePath: path))
    try handle.seek(toOffset: 4096)
    try handle.write(contentsOf: Data(count: 8192))
    try handle.close()
    #expect(throws: StoreError.self) { try StoreInspection(path: path) }
    try FileManager.default.removeItem(at: folder)
  }

  @Test func anotherDatabaseIsNoStore() throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "other-\(UUID().uuidString).sqlite").path
    #expect(FileManager.default.createFile(atPath: path, contents: Data()))
    #expect(throws: StoreError.self) { try StoreInspection(path: path) }
    try FileManager.default.removeItem(atPath: path)
  }
}
