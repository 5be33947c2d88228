import Foundation

/// Environment variables inside values of a pipeline file.
enum Environment {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// Replaces `${NAME}` and `${NAME:-default}`.
  ///
  /// - Throws: `Missing` for an unset variable without a default, or a `${` without its `}`.
  static func expand(
    _ text: String, variables: [String: String] = ProcessInfo.processInfo.environment
  ) throws(Missing) -> String {
    var result = ""
    var rest = Substring(text)
    while let start = rest.range(of: "${") {
      result += rest[..<start.lowerBound]
      guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
        throw Missing(description: "holds \"${\" without its \"}\"")
      }
      let inside = rest[start.upperBound..<end]
      let parts = inside.split(separator: ":-", maxSplits: 1, omittingEmptySubsequences: false)
      if let value = variables[String(parts[0])], !value.isEmpty {
        result += value
      } else if parts.count == 2 {
        result += parts[1]
      } else {
        throw Missing(
          description: "needs the environment variable \(parts[0]), which is not set")
      }
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }
}
