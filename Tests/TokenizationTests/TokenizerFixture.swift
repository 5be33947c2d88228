import Foundation
import Testing

@testable import Tokenization

/// A folder of tokenizers under Fixtures/tokenizers, with the ids that their own library gives.
struct TokenizerFixture: Decodable, Sendable {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var kind: String
    var file: String
    var vocabulary: String?
    /// One list for each text.
    var ids: [[Int32]]

    var testDescription: String { file }
  }

  var texts: [String]
  var cases: [Case]

  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/tokenizers")

  static func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: path)))
  }

  /// What `generate.py` of the folder wrote; empty where it cannot be read, which a test notices.
  static func read(_ name: String) -> TokenizerFixture {
    do {
      return try JSONDecoder().decode(
        TokenizerFixture.self, from: Data(bytes("\(name)/expected.json")))
    } catch {
      Issue.record("\(name): \(error)")
      return TokenizerFixture(texts: [], cases: [])
    }
  }
}
