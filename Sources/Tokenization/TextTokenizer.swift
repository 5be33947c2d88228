import Foundation

/// Makes tokens of text that arrives in any pieces: the same tokens however it is cut.
package struct TextTokenizer: Sendable {
  package enum Kind: Sendable, Equatable {
    /// One token a Unicode scalar, behind normalisation.
    case characters(Normalization)
    /// One token a word.
    case words(lowercase: Bool, filters: Set<Unicode.Scalar>, split: Split)
  }

  package enum Normalization: Sendable, Equatable {
    /// Conjoining jamo become syllables; they wait while they may still compose, and nothing else
    /// does, so that every other character is answered at once.
    case hangul
    /// NFC of the whole text; a character that a combining mark may follow waits for the next.
    case nfc
    case none
  }

  package enum Split: Sendable, Equatable {
    /// At U+0020 only, as Keras' `text_to_word_sequence` does.
    case space
    /// At any white space.
    case whitespace
  }

  package enum Unknown: Sendable, Equatable {
    case id(Int32)
    case refuse
    /// No step; its bytes are covered by the next one.
    case skip
  }

  /// Keras' default `filters` of `Tokenizer` and `TextVectorization`'s kin.
  package static let kerasFilters = Set("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n".unicodeScalars)

  /// Bytes of one word; more is refused, so that the carry stays small.
  package static let wordBytesMax = 4096

  let vocabulary: Vocabulary
  let kind: Kind
  let unknown: Unknown
  let startToken: Int32?
  let replacesInvalid: Bool
  /// Ids of the 128 ASCII characters, for the characters kind; -1 where there is none.
  private let asciiIDs: [Int32]

  /// A tokenizer is shared by all streams; what a stream has begun is in its carry.
  ///
  /// `startToken` is a step of its own before the first text, and behind each reset. With
  /// `replacesInvalid`, bytes that are no UTF-8 become U+FFFD instead of a refusal.
  package init(
    vocabulary: Vocabulary, kind: Kind, unknown: Unknown, startToken: Int32?,
    replacesInvalid: Bool
  ) {
    self.vocabulary = vocabulary
    self.kind = kind
    self.unknown = unknown
    self.startToken = startToken
    self.replacesInvalid = replacesInvalid
    asciiIDs = (0..<128).map { vocabulary.id(of: String(Unicode.Scalar(UInt8($0)))) ?? -1 }
  }

  // MARK: The three calls

  /// The start token, where there is one: before the first text of a life, and behind a reset.
  package func begin(carry: inout TokenizerCarry, into run: inout TokenRun) {
    if let startToken { run.append(startToken, end: carry.consumed) }
  }

  /// Reads a piece of text.
  ///
  /// - Throws: a `TokenizerRefusal`; then the piece counts as read and made no token, and what was
  ///   carried before is as it was, but for an incomplete character, which is dropped: it could
  ///   never be completed.
  package func feed(
    _ bytes: UnsafeRawBufferPointer, carry: inout TokenizerCarry, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    let before = carry
    do {
      if carry.bytes.isEmpty {
        try read(bytes, carry: &carry, into: &run)
      } else {
        let joined = carry.bytes + bytes
        carry.bytes = []
        try readJoined(joined, carry: &carry, into: &run, pending: before.bytes.count)
      }
    } catch {
      carry = before
      carry.bytes = []
      carry.consume(bytes.count)
      throw error
    }
  }

  /// Ends the text: half a character becomes U+FFFD, and what may still compose or go on is taken
  /// as it is.
  package func flush(
    carry: inout TokenizerCarry, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    if !carry.bytes.isEmpty {
      carry.bytes = []
      try take("\u{FFFD}", end: carry.consumed, carry: &carry, into: &run)
    }
    try finishPending(&carry, into: &run)
  }

  // MARK: Bytes to scalars

  private func readJoined(
    _ joined: [UInt8], carry: inout TokenizerCarry, into run: inout TokenRun, pending: Int
  ) throws(TokenizerRefusal) {
    var failure: TokenizerRefusal?
    joined.withUnsafeBytes { joined in
      do throws(TokenizerRefusal) {
        try read(joined, carry: &carry, into: &run, pending: pending)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  /// `pending` leading bytes were counted as read before.
  private func read(
    _ bytes: UnsafeRawBufferPointer, carry: inout TokenizerCarry, into run: inout TokenRun,
    pending: Int = 0
  ) throws(TokenizerRefusal) {
    let base = carry.consumed - UInt64(pending)
    carry.consume(bytes.count - pending)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte < 0x80 {
        index += 1
        try take(Unicode.Scalar(byte), end: base + UInt64(index), carry: &carry, into: &run)
        continue
      }
      switch UTF8Decoder.decode(bytes, at: index) {
      case .scalar(let scalar, let count):
        index += count
        try take(scalar, end: base + UInt64(index), carry: &carry, into: &run)
      case .invalid(let count):
        guard replacesInvalid else { throw .invalidText(atByte: base + UInt64(index)) }
        index += count
        try take("\u{FFFD}", end: base + UInt64(index), carry: &carry, into: &run)
      case .incomplete:
        carry.bytes = Array(bytes[index...])
        return
      }
    }
  }

  // MARK: Scalars to tokens

  private func take(
    _ scalar: Unicode.Scalar, end: UInt64, carry: inout TokenizerCarry, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    switch kind {
    case .characters(.none): try emit(scalar, end: end, into: &run)
    case .characters(.hangul): try compose(scalar, end: end, carry: &carry, into: &run)
    case .characters(.nfc): try normalize(scalar, end: end, carry: &carry, into: &run)
    case .words(_, let filters, let split):
      let isSeparator =
        scalar == " " || filters.contains(scalar)
        || (split == .whitespace && scalar.properties.isWhitespace)
      if isSeparator {
        try finishPending(&carry, into: &run)
      } else {
        carry.scalars.append(scalar)
        carry.scalarsEnd = end
        if carry.scalars.count > TextTokenizer.wordBytesMax {
          throw .wordTooLong(
            limitBytes: TextTokenizer.wordBytesMax, atByte: end - UInt64(carry.scalars.count))
        }
      }
    }
  }

  /// `carry.scalars` is empty, a lead jamo, or an open syllable made of jamo.
  private func compose(
    _ scalar: Unicode.Scalar, end: UInt64, carry: inout TokenizerCarry, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    if let held = carry.scalars.first {
      if let syllable = HangulComposition.compose(held, scalar) {
        carry.scalars[0] = syllable
        carry.scalarsEnd = end
        return
      }
      if let syllable = HangulComposition.close(held, scalar) {
        carry.scalars.removeAll()
        return try emit(syllable, end: end, into: &run)
      }
      try finishPending(&carry, into: &run)
    }
    if HangulComposition.isLead(scalar) {
      carry.scalars.append(scalar)
      carry.scalarsEnd = end
    } else {
      try emit(scalar, end: end, into: &run)
    }
  }

  /// Holds one run of scalars that may compose: it ends where a new one must begin.
  private func normalize(
    _ scalar: Unicode.Scalar, end: UInt64, carry: inout TokenizerCarry, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    if !carry.scalars.isEmpty, TextTokenizer.isBoundary(carry.scalars, before: scalar) {
      try finishPending(&carry, into: &run)
    }
    carry.scalars.append(scalar)
    carry.scalarsEnd = end
    // A run of marks without end: normalised as far as it is.
    if carry.scalars.count > TextTokenizer.wordBytesMax { try finishPending(&carry, into: &run) }
  }

  /// Whether `scalar` neither composes with nor reorders into what is held.
  private static func isBoundary(_ held: [Unicode.Scalar], before scalar: Unicode.Scalar) -> Bool {
    guard scalar.properties.canonicalCombiningClass == .notReordered else { return false }
    if scalar.isASCII { return true }
    // Vowel and trailing jamo, and a few vowel signs, compose though they are starters.
    let joined = String(String.UnicodeScalarView(held + [scalar]))
    let apart =
      String(String.UnicodeScalarView(held)).precomposedStringWithCanonicalMapping
      + String(scalar).precomposedStringWithCanonicalMapping
    return joined.precomposedStringWithCanonicalMapping.unicodeScalars
      .elementsEqual(apart.unicodeScalars)
  }

  /// Emits what was held.
  private func finishPending(
    _ carry: inout TokenizerCarry, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    guard !carry.scalars.isEmpty else { return }
    let scalars = carry.scalars
    let end = carry.scalarsEnd
    carry.scalars = []
    switch kind {
    case .characters(.nfc):
      let text = String(String.UnicodeScalarView(scalars)).precomposedStringWithCanonicalMapping
      for scalar in text.unicodeScalars { try emit(scalar, end: end, into: &run) }
    case .characters: for scalar in scalars { try emit(scalar, end: end, into: &run) }
    case .words(let lowercase, _, _):
      var word = String(String.UnicodeScalarView(scalars))
      if !scalars.allSatisfy(\.isASCII) { word = word.precomposedStringWithCanonicalMapping }
      if lowercase { word = word.lowercased() }
      try emit(word, end: end, into: &run)
    }
  }

  private func emit(
    _ scalar: Unicode.Scalar, end: UInt64, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    if scalar.isASCII, asciiIDs[Int(scalar.value)] >= 0 {
      run.append(asciiIDs[Int(scalar.value)], end: end)
    } else {
      try emit(String(scalar), end: end, into: &run)
    }
  }

  private func emit(
    _ token: String, end: UInt64, into run: inout TokenRun
  ) throws(TokenizerRefusal) {
    if let id = vocabulary.id(of: token) {
      run.append(id, end: end)
      return
    }
    switch unknown {
    case .id(let id): run.append(id, end: end)
    case .skip: break
    case .refuse: throw .unknownToken(token, atByte: end - UInt64(token.utf8.count))
    }
  }
}
