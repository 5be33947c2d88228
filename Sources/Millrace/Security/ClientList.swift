import Foundation
import ZeroMQ

/// Which public keys may do what: `KEY PERMISSION[,PERMISSION...] [NAME]` a line.
///
/// ```
/// # key                                     may        who
/// rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7  send       gateway-1
/// ```
package struct ClientList: Sendable, Equatable {
  package struct Entry: Sendable, Equatable {
    let permissions: Set<Permission>
    /// For the log; empty where there is none.
    let name: String
  }

  private(set) var entries: [CurveKey: Entry] = [:]

  package init() {}

  /// - Throws: a `ConfigurationError` naming file and line.
  package init(readingFrom path: String) throws(ConfigurationError) {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError(
        file: path,
        message: "the clients file cannot be read; it has a key and what it may do a line")
    }
    guard bytes.count <= Limits.clientListBytes else {
      throw ConfigurationError(
        file: path, message: "has \(bytes.count) bytes, expected at most \(Limits.clientListBytes)")
    }
    try self.init(text: String(decoding: bytes, as: UTF8.self), path: path)
  }

  init(text: String, path: String) throws(ConfigurationError) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first else { continue }
      // A character of Z85 too, but no key begins with it: its five characters would pass 2^32.
      if first.hasPrefix("#") { continue }
      func error(_ message: String) -> ConfigurationError {
        ConfigurationError(file: path, line: index + 1, column: 1, message: message)
      }
      guard let key = CurveKey(first) else {
        throw error("\"\(first)\" is no public key, expected 40 characters (millrace keygen)")
      }
      guard words.count > 1 else {
        throw error("the key may do nothing; say \(ClientList.choices)")
      }
      guard entries[key] == nil else { throw error("the key stands here twice") }
      var permissions: Set<Permission> = []
      for word in words[1].split(separator: ",") {
        guard let permission = Permission(rawValue: String(word)) else {
          let near = NearestName.of(String(word), among: Permission.allCases.map(\.rawValue))
          throw error(
            "\"\(word)\" is no permission, expected \(ClientList.choices)"
              + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
        }
        permissions.insert(permission)
      }
      entries[key] = Entry(
        permissions: permissions, name: words.dropFirst(2).joined(separator: " "))
    }
  }

  private static var choices: String {
    Permission.allCases.map(\.rawValue).joined(separator: ", ") + ", with commas between"
  }

  /// Lets a key do everything, as the pipeline's own.
  mutating func add(own key: CurveKey) {
    entries[key] = Entry(permissions: Set(Permission.allCases), name: "the pipeline's own")
  }
}
