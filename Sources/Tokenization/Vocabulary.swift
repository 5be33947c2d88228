/// Tokens and their ids: token n of the list has id `firstID + n`.
package struct Vocabulary: Sendable {
  package let firstID: Int32
  private let tokens: [String]
  private let ids: [Key: Int32]

  /// - Throws: a `VocabularyError` for an empty list, an empty token or one that stands twice.
  package init(tokens: [String], firstID: Int32) throws(VocabularyError) {
    guard !tokens.isEmpty else { throw .empty }
    var ids: [Key: Int32] = [:]
    ids.reserveCapacity(tokens.count)
    for (index, token) in tokens.enumerated() {
      guard !token.isEmpty else { throw .emptyToken(line: index + 1) }
      if let first = ids.updateValue(firstID + Int32(index), forKey: Key(token)) {
        throw .duplicate(token: token, line: index + 1, firstLine: Int(first - firstID) + 1)
      }
    }
    self.firstID = firstID
    self.tokens = tokens
    self.ids = ids
  }

  /// Reads one token a line; the last line's newline makes no token, CRLF is taken.
  package init(text: some Collection<UInt8>, firstID: Int32) throws(VocabularyError) {
    guard let text = String(validating: text, as: UTF8.self) else { throw .notUTF8 }
    // By scalar: "\r\n" is one Character.
    var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map {
      String($0.last == "\r" ? $0.dropLast() : $0)
    }
    if lines.last == "" { lines.removeLast() }
    try self.init(tokens: lines, firstID: firstID)
  }

  package var count: Int { tokens.count }

  /// One past the highest id.
  package var idBound: Int32 { firstID + Int32(tokens.count) }

  package func id(of token: String) -> Int32? { ids[Key(token)] }

  package func token(of id: Int32) -> String? {
    let index = Int(id) - Int(firstID)
    return tokens.indices.contains(index) ? tokens[index] : nil
  }

  /// Compares bytes: two spellings of "é" are two tokens, as they are for Keras, and one `String`.
  private struct Key: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: Key, right: Key) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
      var text = text
      text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
  }
}
