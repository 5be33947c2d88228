import CSentencePiece

/// A SentencePiece `.model`, Unigram, BPE, word or char, by the library itself.
///
/// Where text may be cut: before a blank that follows a character which normalization leaves in
/// place. No piece of an accepted model has a blank (`▁`) behind other text, so that the best
/// segmentation of the whole is the best of what stands before the blank and the best of what begins
/// with it. A run of unknown characters is one piece for the library: where it goes on behind a cut,
/// the second piece is dropped. A segment behind another is encoded behind an anchor, a word whose own
/// pieces are dropped: what the model does at the start of a text (a blank put before it, blanks taken
/// away) then happens before the anchor.
package struct SentencePieceTokenizer: SegmentTokenizer {
  package let vocabulary: Vocabulary

  private let model: SentencePieceModel
  private let texts: [String]
  private let unknownID: Int32?
  /// Characters that the model takes for a blank.
  private let blanks: Set<Unicode.Scalar>
  /// A word with pieces of its own, and how many they are.
  private let anchor: Anchor
  /// For ASCII, whether normalization leaves the character in place.
  private let lastingASCII: [Bool]

  private struct Anchor {
    var text: [Unicode.Scalar]
    var ids: [Int32]
  }

  /// What a segment leaves for the next.
  private enum Context {
    static let textStart: UInt8 = 0
    static let insideText: UInt8 = 1
    static let behindUnknown: UInt8 = 2
  }

  private static let blankMark: Unicode.Scalar = "\u{2581}"

  /// - Throws: a `TokenizerFileError` for a file that is no model, or one whose text cannot be cut.
  package init(bytes: [UInt8]) throws(TokenizerFileError) {
    let model = try SentencePieceModel(bytes: bytes)
    let pieces = model.pieces()
    self.model = model
    let texts = pieces.map(\.text)
    self.texts = texts
    vocabulary = try Vocabulary(
      pairs: pieces.enumerated().map { ($1.text, Int32($0)) }, key: "pieces")
    let unknown = pieces.firstIndex { $0.kind == MR_PIECE_UNKNOWN }.map(Int32.init)
    unknownID = unknown
    try SentencePieceTokenizer.check(pieces)
    let anchor = try SentencePieceTokenizer.anchor(model, pieces, unknown)
    self.anchor = anchor
    let apart = model.ids(of: anchor.text + [" "] + anchor.text)
    blanks = Set(
      " \t\n\r\u{A0}\u{3000}".unicodeScalars.filter {
        model.ids(of: anchor.text + [$0] + anchor.text) == apart
      })
    lastingASCII = (0..<128).map {
      SentencePieceTokenizer.isLasting(
        Unicode.Scalar(UInt8($0)), anchor, model, texts, unknown)
    }
  }

  /// Looks for a word that is known and stands by itself beside another.
  private static func anchor(
    _ model: SentencePieceModel, _ pieces: [SentencePieceModel.Piece], _ unknown: Int32?
  ) throws(TokenizerFileError) -> Anchor {
    let words = pieces.lazy.filter { $0.kind == MR_PIECE_TEXT }
      .map { Array($0.text.unicodeScalars.drop { $0 == blankMark }) }
      .filter { !$0.isEmpty && !$0.contains("<") }
    for word in [["a"]] + words.prefix(1000) {
      guard let ids = model.ids(of: word), !ids.isEmpty,
        let apart = model.ids(of: word + [" "] + word),
        !apart.contains(where: { $0 == unknown }), apart.starts(with: ids), apart.count > ids.count,
        pieces[Int(apart[ids.count])].text.unicodeScalars.first == blankMark
      else { continue }
      return Anchor(text: word, ids: ids)
    }
    throw .unsupported("normalizer_spec", "does not keep the blank between two words as \u{2581}")
  }

  /// Refuses models with pieces that reach from text into a blank.
  private static func check(
    _ pieces: [SentencePieceModel.Piece]
  ) throws(TokenizerFileError) {
    for piece in pieces where piece.kind == MR_PIECE_TEXT {
      let text = piece.text.unicodeScalars.drop { $0 == blankMark }
      if text.contains(blankMark) || text.contains(" ") {
        throw .unsupported(
          "pieces",
          "hold \"\(PrintableText.escaped(piece.text))\", a blank behind text: trained with "
            + "split_by_whitespace false or treat_whitespace_as_suffix; no token would be final before the end"
        )
      }
    }
  }

  // MARK: Cutting

  package func isBoundary(_ held: [Unicode.Scalar], before next: Unicode.Scalar) -> Bool {
    guard blanks.contains(next), let last = held.last, !blanks.contains(last) else { return false }
    if last.isASCII { return lastingASCII[Int(last.value)] }
    return SentencePieceTokenizer.isLasting(last, anchor, model, texts, unknownID)
  }

  /// Whether a character behind the anchor is still there behind normalization, and is no blank.
  private static func isLasting(
    _ scalar: Unicode.Scalar, _ anchor: Anchor, _ model: SentencePieceModel, _ texts: [String],
    _ unknown: Int32?
  ) -> Bool {
    guard let ids = model.ids(of: anchor.text + [scalar]), ids != anchor.ids, let last = ids.last
    else { return false }
    return last == unknown || texts[Int(last)].unicodeScalars.last != blankMark
  }

  // MARK: Tokens

  package func tokenize(
    _ segment: [Unicode.Scalar], context: inout UInt8
  ) -> [SegmentToken] {
    let found =
      if context == Context.textStart {
        model.ids(of: segment)?[...]
      } else {
        model.ids(of: anchor.text + segment)?.dropFirst(anchor.ids.count)
      }
    guard var ids = found else { return [.unknown(nil)] }
    if context == Context.behindUnknown, ids.first == unknownID { ids.removeFirst() }
    if let last = ids.last {
      context = last == unknownID ? Context.behindUnknown : Context.insideText
    } else if context == Context.textStart {
      context = Context.insideText
    }
    return ids.map { $0 == unknownID ? .unknown($0) : .known($0) }
  }
}
