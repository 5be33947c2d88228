/// A tokenizer.json of Hugging Face's `tokenizers`: WordLevel, WordPiece or BPE, with the normalizers,
/// pre-tokenizers and post-processors that can be applied to a text as it comes.
///
/// Text is cut where the first splitting pre-tokenizer cuts at white space (`PreTokenizer.Cut`): no
/// normalizer that is taken reaches across such a place, no match of an added token lies across it
/// (`AddedTokens.crosses`), and the model sees one word at a time. So the tokens of both sides are
/// those of the whole text. What else depends on what came before, a blank put before the text, is
/// carried as context.
package struct HuggingFaceTokenizer: SegmentTokenizer {
  package let vocabulary: Vocabulary
  package let startIDs: [Int32]
  package let endIDs: [Int32]
  package let notices: [String]
  package var skipsUnknown: Bool { model.skipsUnknown }

  let normalizer: TextNormalizer?
  let preTokenizer: PreTokenizer
  let cut: PreTokenizer.Cut
  let model: WordModel
  /// The model's tokens: `vocabulary` without the added ones.
  let words: Vocabulary
  /// Matched in the text as it comes.
  let rawTokens: AddedTokens
  /// Matched in normalized text.
  let normalizedTokens: AddedTokens
  let cutsAtIdeographs: Bool
  /// Whether no added token takes white space on its left, which would have to stay together.
  let cutsInsideSpace: Bool

  /// What a segment leaves for the next.
  private enum Context {
    static let textStart: UInt8 = 0
    /// Behind text that goes on.
    static let insideText: UInt8 = 1
    /// Behind an added token, where a text begins anew.
    static let behindToken: UInt8 = 2
  }

  // MARK: Cutting

  package func isBoundary(_ held: [Unicode.Scalar], before next: Unicode.Scalar) -> Bool {
    guard let last = held.last, isCut(last, next) else { return false }
    // With a normalizer, those that are matched behind it have nothing in them to cut at.
    return !rawTokens.crosses(held, next)
      && (normalizer != nil || !normalizedTokens.crosses(held, next))
  }

  private func isCut(_ last: Unicode.Scalar, _ next: Unicode.Scalar) -> Bool {
    switch cut {
    case .beforeBlank: return next == " " && (cutsInsideSpace || !CharacterClass.isSpace(last))
    case .beforeSpace:
      if CharacterClass.isLastingSpace(next) { return true }
      return cutsAtIdeographs
        && (CharacterClass.isIdeograph(next) || CharacterClass.isIdeograph(last))
    case .betweenTextAndSpace:
      return CharacterClass.isLastingSpace(next) && !CharacterClass.isSpace(last)
    case .betweenTextAndSpaceOrLine:
      guard CharacterClass.isLastingSpace(next), !CharacterClass.isSpace(last) else { return false }
      return next != "\n" && next != "\r" || CharacterClass.isLetter(last)
        || CharacterClass.isNumber(last)
    }
  }

  // MARK: Tokens

  package func tokenize(
    _ segment: [Unicode.Scalar], context: inout UInt8
  ) -> [SegmentToken] {
    var output: [SegmentToken] = []
    for part in rawTokens.parts(of: segment) {
      switch part {
      case .token(let id):
        output.append(.known(id))
        context = Context.behindToken
      case .text(let range):
        let text = Array(segment[range])
        let normalized = normalizer?.apply(text) ?? text
        tokenize(normalized: normalized, context: &context, into: &output)
      }
    }
    return output
  }

  private func tokenize(
    normalized text: [Unicode.Scalar], context: inout UInt8, into output: inout [SegmentToken]
  ) {
    for part in normalizedTokens.parts(of: text) {
      switch part {
      case .token(let id):
        output.append(.known(id))
        context = Context.behindToken
      case .text(let range):
        let piece = PreTokenizer.Piece(
          text: Array(text[range]), isContinued: context == Context.insideText,
          isFirst: context == Context.textStart)
        for word in preTokenizer.apply([piece]) where !word.text.isEmpty {
          output += model.tokens(of: word.text, words)
        }
        context = Context.insideText
      }
    }
  }
}
