import Foundation

/// A file in the temporary folder that goes away with it.
final class ScratchFile {
  let path: String

  init(_ bytes: [UInt8], suffix: String = ".keras") throws {
    path = FileManager.default.temporaryDirectory
      .appending(path: "model-\(UUID().uuidString)\(suffix)").path(percentEncoded: false)
    try Data(bytes).write(to: URL(filePath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
