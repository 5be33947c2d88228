import Foundation
import Testing

/// What a fuzzer found is read again: nothing of it may crash a reader, hang it, or give two lines.
struct FuzzedInputTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/fuzz")

  @Test(arguments: FuzzedInput.allCases)
  func everyKeptInputIsReadOrRefused(input: FuzzedInput) throws {
    let folder = Self.folder.appending(path: input.rawValue)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names.count >= 5)
    for name in names {
      let bytes = try Data(contentsOf: folder.appending(path: name))
      #expect(!input.read(Array(bytes)).isEmpty, "\(name)")
    }
  }
}
