/// A `pre_tokenizer` of a tokenizer.json: cuts normalized text into the words that the model sees.
indirect enum PreTokenizer: Sendable {
  /// What becomes of the matches that a text is split at.
  enum Behavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  enum Prepending: String, Sendable {
    case always
    case first
    case never
  }

  case bert
  /// `\w+|[^\w\s]+`.
  case words
  case whitespaceSplit
  case punctuation(Behavior)
  case digits(isolates: Bool)
  case pattern(SplitPattern)
  case literal([Unicode.Scalar], Behavior)
  case byteLevel(addsSpace: Bool, splits: Bool)
  case metaspace([Unicode.Scalar], Prepending)
  case sequence([PreTokenizer])

  /// A piece of text under way through the pre-tokenizers.
  struct Piece {
    var text: [Unicode.Scalar]
    /// Whether it is what its text began with: nothing may be put before it otherwise.
    var isContinued = false
    /// Whether it stands at the very start of the stream's text.
    var isFirst = false
  }

  /// Where text may be cut between segments, as far as the pre-tokenizers go.
  enum Cut: Sendable {
    /// Before any lasting white space, which is taken out.
    case beforeSpace
    /// Between other text and white space.
    case betweenTextAndSpace
    /// The same; before a newline only behind letters and numbers, as punctuation takes newlines along.
    case betweenTextAndSpaceOrLine
    /// Before U+0020.
    case beforeBlank
  }

  /// Where the first of the pre-tokenizers that cuts at white space lets text be cut; nil for none.
  var cut: Cut? {
    switch self {
    case .bert, .words, .whitespaceSplit: .beforeSpace
    case .pattern(.gpt2): .betweenTextAndSpace
    case .pattern(.cl100k): .betweenTextAndSpaceOrLine
    case .byteLevel(_, let splits): splits ? .betweenTextAndSpace : nil
    case .metaspace: .beforeBlank
    case .punctuation, .digits, .literal: nil
    case .sequence(let parts): parts.lazy.compactMap(\.cut).first
    }
  }

  /// Whether blanks become letters in it, so that none is left to cut at behind it.
  var hidesBlanks: Bool {
    switch self {
    case .byteLevel(_, let splits): !splits
    case .sequence(let parts):
      parts.firstIndex(where: \.hidesBlanks).map { hiding in
        !parts[..<hiding].contains { $0.cut != nil }
      } ?? false
    default: false
    }
  }

  /// Whether something is put before pieces of which it is not known, at a cut between segments,
  /// whether they begin there.
  var prependsUncertainly: Bool {
    guard case .sequence(let parts) = self else { return false }
    for (index, part) in parts.enumerated() {
      if part.prependsUncertainly { return true }
      switch part {
      case .byteLevel(addsSpace: true, _), .metaspace(_, .always), .metaspace(_, .first):
        if index > 0, !parts[..<index].contains(where: { $0.cut != nil }) { return true }
      default: break
      }
    }
    return false
  }

  func apply(_ pieces: [Piece]) -> [Piece] {
    if case .sequence(let parts) = self { return parts.reduce(pieces) { $1.apply($0) } }
    return pieces.flatMap(apply)
  }

  private func apply(_ piece: Piece) -> [Piece] {
    let text = piece.text
    switch self {
    case .bert:
      return split(piece, CharacterClass.isSpace, .removed).flatMap {
        split($0, CharacterClass.isPunctuation, .isolated)
      }
    case .words:
      let matches = PreTokenizer.runs(of: text) { CharacterClass.isWord($0) ? 1 : 2 }
      return matches.map {
        Piece(text: Array(text[$0]), isFirst: piece.isFirst && $0.lowerBound == 0)
      }
    case .whitespaceSplit: return split(piece, CharacterClass.isSpace, .removed)
    case .punctuation(let behavior):
      return split(piece, CharacterClass.isPunctuation, behavior, isSure: false)
    case .digits(let isolates):
      return split(
        piece, CharacterClass.isNumber, isolates ? .isolated : .contiguous, isSure: false)
    case .pattern(let pattern):
      return pattern.matches(in: text).enumerated().map { index, range in
        Piece(text: Array(text[range]), isFirst: piece.isFirst && index == 0)
      }
    case .literal(let literal, let behavior):
      return split(piece, PreTokenizer.matches(of: literal, in: text), behavior, isSure: false)
    case .byteLevel(let addsSpace, let splits):
      var text = text
      if addsSpace, !piece.isContinued, text.first != " " { text.insert(" ", at: 0) }
      let ranges = splits ? SplitPattern.gpt2.matches(in: text) : [text.indices]
      return ranges.map { Piece(text: ByteLetters.of(text[$0])) }
    case .metaspace(let replacement, let prepending):
      return metaspace(piece, replacement, prepending)
    case .sequence: return apply([piece])
    }
  }

  private func metaspace(
    _ piece: Piece, _ replacement: [Unicode.Scalar], _ prepending: Prepending
  ) -> [Piece] {
    var text = piece.text.flatMap { $0 == " " ? replacement : [$0] }
    let prepends =
      switch prepending {
      case .always: !piece.isContinued
      case .first: piece.isFirst
      case .never: false
      }
    if prepends, !text.starts(with: replacement) { text = replacement + text }
    return split(
      Piece(text: text), PreTokenizer.matches(of: replacement, in: text), .mergedWithNext)
  }

  // MARK: Splitting

  private func split(
    _ piece: Piece, _ isMatch: (Unicode.Scalar) -> Bool, _ behavior: Behavior, isSure: Bool = true
  ) -> [Piece] {
    let matches = piece.text.indices.filter { isMatch(piece.text[$0]) }.map { $0..<$0 + 1 }
    return split(piece, matches, behavior, isSure: isSure)
  }

  /// Splits at matches; `isSure` where a cut between segments is a place where it splits.
  private func split(
    _ piece: Piece, _ matches: [Range<Int>], _ behavior: Behavior, isSure: Bool = true
  ) -> [Piece] {
    var parts: [(range: Range<Int>, isMatch: Bool)] = []
    var start = 0
    for match in matches {
      if start < match.lowerBound { parts.append((start..<match.lowerBound, false)) }
      parts.append((match, true))
      start = match.upperBound
    }
    if start < piece.text.count { parts.append((start..<piece.text.count, false)) }
    return PreTokenizer.merged(parts, behavior).filter { !$0.isEmpty }.map { range in
      Piece(
        text: Array(piece.text[range]),
        isContinued: !isSure && piece.isContinued && range.lowerBound == 0,
        isFirst: piece.isFirst && range.lowerBound == 0)
    }
  }

  private static func merged(
    _ parts: [(range: Range<Int>, isMatch: Bool)], _ behavior: Behavior
  ) -> [Range<Int>] {
    var output: [Range<Int>] = []
    var wasMatch = false
    switch behavior {
    case .removed: return parts.filter { !$0.isMatch }.map(\.range)
    case .isolated: return parts.map(\.range)
    case .mergedWithPrevious:
      for part in parts {
        if part.isMatch, !wasMatch, let last = output.popLast() {
          output.append(last.lowerBound..<part.range.upperBound)
        } else {
          output.append(part.range)
        }
        wasMatch = part.isMatch
      }
      return output
    case .mergedWithNext:
      for part in parts.reversed() {
        if part.isMatch, !wasMatch, let last = output.popLast() {
          output.append(part.range.lowerBound..<last.upperBound)
        } else {
          output.append(part.range)
        }
        wasMatch = part.isMatch
      }
      return output.reversed()
    case .contiguous:
      for part in parts {
        if part.isMatch == wasMatch, let last = output.popLast() {
          output.append(last.lowerBound..<part.range.upperBound)
        } else {
          output.append(part.range)
        }
        wasMatch = part.isMatch
      }
      return output
    }
  }

  /// Runs of one class each, without white space.
  private static func runs(
    of text: [Unicode.Scalar], _ classOf: (Unicode.Scalar) -> Int
  ) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while start < text.count {
      if CharacterClass.isSpace(text[start]) {
        start += 1
        continue
      }
      let group = classOf(text[start])
      var end = start + 1
      while end < text.count, !CharacterClass.isSpace(text[end]), classOf(text[end]) == group {
        end += 1
      }
      ranges.append(start..<end)
      start = end
    }
    return ranges
  }

  private static func matches(
    of literal: [Unicode.Scalar], in text: [Unicode.Scalar]
  ) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var index = 0
    while index + literal.count <= text.count {
      if text[index...].starts(with: literal) {
        ranges.append(index..<index + literal.count)
        index += literal.count
      } else {
        index += 1
      }
    }
    return ranges
  }
}
