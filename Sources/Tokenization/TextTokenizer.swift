import Foundation

/// Makes tokens of text that arrives in any pieces: the same tokens however it is cut.
package struct TextTokenizer: Sendable {
  package enum Kind: Sendable {
    /// One token a byte, which is its number in the vocabulary; any bytes are text.
    case bytes
    /// One token a Unicode scalar, behind normalisation.
    case characters(Normalization)
    /// One token a word: `filters` separate words, `removed` is taken out of them.
    case words(
      lowercase: Bool, filters: Set<Unicode.Scalar>, removed: Set<Unicode.Scalar>, split: Split)
    /// What a tokenizer's file says, segment by segment.
    case segments(any SegmentTokenizer)
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
    /// The tokenizer's own id; without one, as its library does.
    case asTrained
  }

  /// Keras' default `filters` of `Tokenizer` and `TextVectorization`'s kin.
  package static let kerasFilters = Set("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n".unicodeScalars)

  /// What `TextVectorization` takes out with `strip_punctuation`: the apostrophe too.
  package static let kerasPunctuation = Set("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'".unicodeScalars)

  /// Scalars of one word or segment; a longer one is refused, so that the carry stays small.
  package static let wordBytesMax = 4096

  package let vocabulary: Vocabulary
  let kind: Kind

  /// As `SegmentTokenizer.notices`.
  package var notices: [String] {
    if case .segments(let rule) = kind { rule.notices } else { [] }
  }

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
    carry.hasBegun = true
    if let startToken { run.append(startToken, end: carry.consumed) }
    if case .segments(let rule) = kind {
      for id in rule.startIDs { run.append(id, end: carry.consumed) }
    }
  }

  /// Reads a piece of text.
  ///
  /// What is no UTF-8, or no token where unknown ones are refused, makes no step and stands in the
  /// run's `refused`; all else goes on as if it were not there. So no cut changes what is refused.
  package func feed(
    _ bytes: UnsafeRawBufferPointer, carry: inout TokenizerCarry, into run: inout TokenRun
  ) {
    if case .bytes = kind { return take(bytes, carry: &carry, into: &run) }
    if carry.bytes.isEmpty { return read(bytes, carry: &carry, into: &run) }
    let joined = carry.bytes + bytes
    let pending = carry.bytes.count
    carry.bytes = []
    joined.withUnsafeBytes { read($0, carry: &carry, into: &run, pending: pending) }
  }

  /// Whether a carry that was kept elsewhere is one of this kind of tokenizer: bytes hold nothing.
  package func fits(_ carry: TokenizerCarry) -> Bool {
    if case .bytes = kind { carry.bytes.isEmpty && carry.scalars.isEmpty } else { true }
  }

  /// Ends the text: half a character becomes U+FFFD, and what may still compose or go on is taken
  /// as it is.
  package func flush(carry: inout TokenizerCarry, into run: inout TokenRun) {
    if !carry.bytes.isEmpty {
      let start = carry.consumed - UInt64(carry.bytes.count)
      carry.bytes = []
      take("\u{FFFD}", start..<carry.consumed, carry: &carry, into: &run)
    }
    finishPending(&carry, into: &run)
    if case .segments(let rule) = kind, carry.hasBegun {
      for id in rule.endIDs { run.append(id, end: carry.consumed) }
    }
    carry.hasBegun = false
    carry.context = 0
  }

  /// Every byte is a token.
  private func take(
    _ bytes: UnsafeRawBufferPointer, carry: inout TokenizerCarry, into run: inout TokenRun
  ) {
    let base = carry.consumed
    carry.consume(bytes.count)
    for (index, byte) in bytes.enumerated() {
      run.append(vocabulary.firstID + Int32(byte), end: base + UInt64(index) + 1)
    }
  }

  // MARK: Bytes to scalars

  /// `pending` leading bytes were counted as read before.
  private func read(
    _ bytes: UnsafeRawBufferPointer, carry: inout TokenizerCarry, into run: inout TokenRun,
    pending: Int = 0
  ) {
    let base = carry.consumed - UInt64(pending)
    carry.consume(bytes.count - pending)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      let start = base + UInt64(index)
      if byte < 0x80 {
        index += 1
        take(Unicode.Scalar(byte), start..<start + 1, carry: &carry, into: &run)
        continue
      }
      switch UTF8Decoder.decode(bytes, at: index) {
      case .scalar(let scalar, let count):
        index += count
        take(scalar, start..<start + UInt64(count), carry: &carry, into: &run)
      case .invalid(let count):
        index += count
        let range = start..<start + UInt64(count)
        if replacesInvalid {
          take("\u{FFFD}", range, carry: &carry, into: &run)
        } else {
          run.refuse(.invalidText(atByte: start), bytes: range)
        }
      case .incomplete:
        carry.bytes = Array(bytes[index...])
        return
      }
    }
  }

  // MARK: Scalars to tokens

  private func take(
    _ scalar: Unicode.Scalar, _ bytes: Range<UInt64>, carry: inout TokenizerCarry,
    into run: inout TokenRun
  ) {
    switch kind {
    case .bytes: preconditionFailure("bytes are tokens as they are")
    case .segments(let rule): gather(scalar, bytes, rule, carry: &carry, into: &run)
    case .characters(.none): emit(scalar, bytes, into: &run)
    case .characters(.hangul): compose(scalar, bytes, carry: &carry, into: &run)
    case .characters(.nfc): normalize(scalar, bytes, carry: &carry, into: &run)
    case .words(_, let filters, let removed, let split):
      if removed.contains(scalar) { return }
      let isSeparator =
        scalar == " " || filters.contains(scalar)
        || (split == .whitespace && scalar.properties.isWhitespace)
      if isSeparator {
        finishPending(&carry, into: &run)
      } else if carry.isOverlong {
        carry.scalarsEnd = bytes.upperBound
      } else {
        carry.hold(scalar, bytes)
        if carry.scalars.count > TextTokenizer.wordBytesMax {
          carry.scalars = []
          carry.isOverlong = true
        }
      }
    }
  }

  /// Adds to the segment under way, which ends where its tokens are final.
  private func gather(
    _ scalar: Unicode.Scalar, _ bytes: Range<UInt64>, _ rule: any SegmentTokenizer,
    carry: inout TokenizerCarry, into run: inout TokenRun
  ) {
    if !carry.scalars.isEmpty, rule.isBoundary(carry.scalars, before: scalar) {
      finishPending(&carry, into: &run)
    }
    if carry.isOverlong {
      // Enough to see where it ends.
      carry.scalars = [scalar]
      carry.scalarsEnd = bytes.upperBound
      return
    }
    carry.hold(scalar, bytes)
    if carry.scalars.count > TextTokenizer.wordBytesMax {
      carry.scalars = [scalar]
      carry.isOverlong = true
    } else if rule.isComplete(carry.scalars) {
      finishPending(&carry, into: &run)
    }
  }

  /// `carry.scalars` is empty, a lead jamo, or an open syllable made of jamo.
  private func compose(
    _ scalar: Unicode.Scalar, _ bytes: Range<UInt64>, carry: inout TokenizerCarry,
    into run: inout TokenRun
  ) {
    if let held = carry.scalars.first {
      if let syllable = HangulComposition.compose(held, scalar) {
        carry.scalars[0] = syllable
        carry.scalarsEnd = bytes.upperBound
        return
      }
      if let syllable = HangulComposition.close(held, scalar) {
        carry.scalars.removeAll()
        return emit(syllable, carry.scalarsStart..<bytes.upperBound, into: &run)
      }
      finishPending(&carry, into: &run)
    }
    if HangulComposition.isLead(scalar) {
      carry.hold(scalar, bytes)
    } else {
      emit(scalar, bytes, into: &run)
    }
  }

  /// Holds one run of scalars that may compose: it ends where a new one must begin.
  private func normalize(
    _ scalar: Unicode.Scalar, _ bytes: Range<UInt64>, carry: inout TokenizerCarry,
    into run: inout TokenRun
  ) {
    if !carry.scalars.isEmpty, TextTokenizer.isBoundary(carry.scalars, before: scalar) {
      finishPending(&carry, into: &run)
    }
    carry.hold(scalar, bytes)
    // A run of marks without end: normalised as far as it is.
    if carry.scalars.count > TextTokenizer.wordBytesMax { finishPending(&carry, into: &run) }
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
  private func finishPending(_ carry: inout TokenizerCarry, into run: inout TokenRun) {
    let bytes = carry.scalarsStart..<carry.scalarsEnd
    if carry.isOverlong {
      carry.isOverlong = false
      carry.scalars = []
      run.refuse(
        .wordTooLong(limit: TextTokenizer.wordBytesMax, atByte: bytes.lowerBound),
        bytes: bytes)
    }
    guard !carry.scalars.isEmpty else { return }
    let scalars = carry.scalars
    carry.scalars = []
    switch kind {
    case .bytes: preconditionFailure("bytes are not held")
    case .segments(let rule):
      for token in rule.tokenize(scalars, context: &carry.context) {
        emit(token, of: scalars, bytes, rule, into: &run)
      }
    case .characters(.nfc):
      let text = String(String.UnicodeScalarView(scalars)).precomposedStringWithCanonicalMapping
      for scalar in text.unicodeScalars { emit(scalar, bytes, into: &run) }
    case .characters: for scalar in scalars { emit(scalar, bytes, into: &run) }
    case .words(let lowercase, _, _, _):
      var word = String(String.UnicodeScalarView(scalars))
      if !scalars.allSatisfy(\.isASCII) { word = word.precomposedStringWithCanonicalMapping }
      if lowercase { word = word.lowercased() }
      emit(word, bytes, into: &run)
    }
  }

  private func emit(_ scalar: Unicode.Scalar, _ bytes: Range<UInt64>, into run: inout TokenRun) {
    if scalar.isASCII, asciiIDs[Int(scalar.value)] >= 0 {
      run.append(asciiIDs[Int(scalar.value)], end: bytes.upperBound)
    } else {
      emit(String(scalar), bytes, into: &run)
    }
  }

  private func emit(_ token: String, _ bytes: Range<UInt64>, into run: inout TokenRun) {
    if let id = vocabulary.id(of: token) {
      run.append(id, end: bytes.upperBound)
      return
    }
    switch unknown {
    case .id(let id): run.append(id, end: bytes.upperBound)
    case .skip: break
    case .refuse, .asTrained:
      run.refuse(.unknownToken(token, atByte: bytes.lowerBound), bytes: bytes)
    }
  }

  private func emit(
    _ token: SegmentToken, of segment: [Unicode.Scalar], _ bytes: Range<UInt64>,
    _ rule: any SegmentTokenizer, into run: inout TokenRun
  ) {
    let own: Int32?
    switch token {
    case .known(let id): return run.append(id, end: bytes.upperBound)
    case .unknown(let id): own = id
    }
    switch unknown {
    case .id(let id): run.append(id, end: bytes.upperBound)
    case .skip: break
    case .asTrained where own != nil || rule.skipsUnknown:
      if let own { run.append(own, end: bytes.upperBound) }
    case .refuse, .asTrained:
      let text = String(String.UnicodeScalarView(segment))
      run.refuse(.unknownToken(text, atByte: bytes.lowerBound), bytes: bytes)
    }
  }
}
