/// The `added_tokens` of a tokenizer.json: taken out of the text before anything else.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var id: Int32
    var text: [Unicode.Scalar]
    /// Only where no letter or digit stands beside it.
    var isSingleWord = false
    /// White space on its left belongs to it.
    var takesLeft = false
    var takesRight = false
  }

  enum Part {
    case token(Int32)
    case text(Range<Int>)
  }

  private let tokens: [Token]
  private let starts: Set<Unicode.Scalar>

  /// Tokens of equal beginning are tried from the longest on.
  init(_ tokens: [Token]) {
    self.tokens = tokens.filter { !$0.text.isEmpty }.sorted { $0.text.count > $1.text.count }
    starts = Set(self.tokens.compactMap(\.text.first))
  }

  var hasSingleWords: Bool { tokens.contains(where: \.isSingleWord) }
  /// Whether white space may belong to the token behind it.
  var takesLeft: Bool { tokens.contains(where: \.takesLeft) }

  /// The text's parts in their order; no part of text is empty.
  func parts(of text: [Unicode.Scalar]) -> [Part] {
    guard !tokens.isEmpty, text.contains(where: starts.contains) else {
      return text.isEmpty ? [] : [.text(text.indices)]
    }
    var parts: [Part] = []
    var start = 0
    var index = 0
    while index < text.count {
      guard let token = match(at: index, in: text) else {
        index += 1
        continue
      }
      let end = index + token.text.count
      guard index >= start, !token.isSingleWord || isApart(index, end, in: text) else {
        index = end
        continue
      }
      var (lower, upper) = (index, end)
      if token.takesLeft {
        while lower > start, CharacterClass.isSpace(text[lower - 1]) { lower -= 1 }
      }
      if token.takesRight {
        while upper < text.count, CharacterClass.isSpace(text[upper]) { upper += 1 }
      }
      if start < lower { parts.append(.text(start..<lower)) }
      parts.append(.token(token.id))
      start = upper
      index = end
    }
    if start < text.count { parts.append(.text(start..<text.count)) }
    return parts
  }

  private func match(at index: Int, in text: [Unicode.Scalar]) -> Token? {
    guard starts.contains(text[index]) else { return nil }
    return tokens.first { text[index...].starts(with: $0.text) }
  }

  private func isApart(_ start: Int, _ end: Int, in text: [Unicode.Scalar]) -> Bool {
    (start == 0 || !CharacterClass.isWord(text[start - 1]))
      && (end == text.count || !CharacterClass.isWord(text[end]))
  }

  /// Whether a token may lie across the place between `held` and `next`, or look across it.
  func crosses(_ held: [Unicode.Scalar], _ next: Unicode.Scalar) -> Bool {
    let end = held.lastIndex { !CharacterClass.isSpace($0) }.map { $0 + 1 } ?? 0
    for token in tokens {
      if token.takesRight, held[..<end].reversed().starts(with: token.text.reversed()) {
        return true
      }
      if token.isSingleWord, CharacterClass.isWord(next),
        held.reversed().starts(with: token.text.reversed())
      {
        return true
      }
      if token.isSingleWord, token.text.first == next, let last = held.last,
        CharacterClass.isWord(last)
      {
        return true
      }
      for split in token.text.indices.dropFirst()
      where token.text[split] == next
        && held.reversed().starts(with: token.text[..<split].reversed())
      {
        return true
      }
    }
    return false
  }
}
