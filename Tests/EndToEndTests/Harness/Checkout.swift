import Foundation

/// Where the repository and the binary under test are.
enum Checkout {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The binary that was built with these tests, whatever the configuration and scratch path.
  static let millrace: String = {
    let beside = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "millrace")
    if let path = beside?.path, FileManager.default.isExecutableFile(atPath: path) { return path }
    return path(".build/debug/millrace")
  }()

  /// Whether `make sanitize` runs the tests: a sanitizer keeps memory of its own for every address
  /// that was ever used, so that the process's memory says nothing about the daemon's.
  static let isSanitized = ProcessInfo.processInfo.environment["MILLRACE_SANITIZED"] != nil

  /// Whether `make faults` runs the tests: with many more streams, cuts and flips.
  static let isThorough = ProcessInfo.processInfo.environment["MILLRACE_THOROUGH"] != nil

  static func path(_ relative: String) -> String { root.appending(path: relative).path }

  static func text(_ relative: String) throws -> String {
    try String(contentsOfFile: path(relative), encoding: .utf8)
  }

  static func bytes(_ relative: String) throws -> [UInt8] {
    Array(try Data(contentsOf: root.appending(path: relative)))
  }

  static func lines(_ relative: String) throws -> [String] {
    try text(relative).split(separator: "\n").map(String.init)
  }
}
