/// Tokens and their ids: token n of a list has id `firstID + n`, or each token an id of its own.
package struct Vocabulary: Sendable {
  package let firstID: Int32
  private let tokens: [String]
  /// Of tokens with ids of their own, which may have gaps.
  private let named: [Int32: String]
  private let ids: [Key: Int32]

  /// - Throws: a `VocabularyError` for an empty list, an empty token or one that stands twice.
  package init(tokens: [String], firstID: Int32) throws(VocabularyError) {
    guard !tokens.isEmpty else { throw .empty }
    guard tokens.count <= Int(Int32.max) - max(0, Int(firstID)) else {
      throw .tooManyIDs(tokens: tokens.count, firstID: firstID)
    }
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
    named = [:]
    idBound = firstID + Int32(tokens.count)
  }

  /// Tokens with ids of their own.
  ///
  /// - Throws: a `TokenizerFileError` at `key` for an empty list or a token that stands twice.
  init(pairs: [(String, Int32)], key: String) throws(TokenizerFileError) {
    guard !pairs.isEmpty else { throw .malformed(key, "is empty, expected tokens") }
    var ids: [Key: Int32] = [:]
    var named: [Int32: String] = [:]
    ids.reserveCapacity(pairs.count)
    named.reserveCapacity(pairs.count)
    var highest: Int32 = 0
    for (token, id) in pairs {
      guard id < Int32.max else { throw .malformed(key, "has token id \(id), which is too large") }
      if let other = ids.updateValue(id, forKey: Key(token)) {
        throw .malformed(
          key, "has \"\(PrintableText.escaped(token))\" twice, with ids \(other) and \(id)")
      }
      named[id] = token
      highest = max(highest, id)
    }
    firstID = 0
    tokens = []
    self.ids = ids
    self.named = named
    idBound = highest + 1
  }

  /// The 256 bytes, from `firstID` on; printable ASCII as itself, others as `<0x0A>`.
  package static func bytes(firstID: Int32) throws(VocabularyError) -> Vocabulary {
    let digits = Array("0123456789ABCDEF")
    return try Vocabulary(
      tokens: (0..<256).map { byte in
        (0x21...0x7E).contains(byte)
          ? String(Unicode.Scalar(UInt8(byte))) : "<0x\(digits[byte >> 4])\(digits[byte & 15])>"
      }, firstID: firstID)
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

  package var count: Int { ids.count }

  /// One past the highest id.
  package let idBound: Int32

  package func id(of token: String) -> Int32? { ids[Key(token)] }

  package func token(of id: Int32) -> String? {
    if let token = named[id] { return token }
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
