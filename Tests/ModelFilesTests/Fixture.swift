import Foundation

/// Files under Fixtures, found from this source file.
enum Fixture {
  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")

  static func path(_ name: String) -> String {
    folder.appending(path: name).path(percentEncoded: false)
  }

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }

  /// Names of the members of a folder that start with `prefix`, sorted.
  static func members(of name: String, prefix: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: path(name))) ?? []
    return all.filter { $0.hasPrefix(prefix) }.sorted()
  }
}
