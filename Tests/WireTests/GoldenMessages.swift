import Foundation
import Testing

/// `Fixtures/wire/messages.json`: bytes beside their meaning, made by a script that uses nothing of
/// this project.
struct GoldenMessages: Decodable {
  struct Golden: Decodable, CustomTestStringConvertible {
    var name: String
    var form: String
    var on: String
    var canonical: Bool
    var parts: [String]
    var meaning: Meaning

    var testDescription: String { name }
  }

  struct Meaning: Decodable {
    var stream: String
    var kind: String
    var flags: [String]
    var count: UInt32
    var width: UInt32
    var number: String
    var epoch: String
    var time: String
    var input: String
    var payload: String
    var ids: [Int32]
  }

  struct Malformed: Decodable, CustomTestStringConvertible {
    var name: String
    var on: String
    var parts: [String]
    var refuse: String

    var testDescription: String { name }
  }

  var messages: [Golden]
  var malformed: [Malformed]

  static let all: GoldenMessages = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Fixtures/wire/messages.json").standardizedFileURL
    do {
      return try JSONDecoder().decode(GoldenMessages.self, from: Data(contentsOf: file))
    } catch {
      fatalError("\(file.path): \(error)")
    }
  }()
}

/// Bytes of hexadecimal text.
func bytes(hexadecimal text: String) -> [UInt8] {
  let digits = Array(text)
  return stride(from: 0, to: digits.count, by: 2).map {
    UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0
  }
}
