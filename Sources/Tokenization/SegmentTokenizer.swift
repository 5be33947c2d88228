/// Makes tokens of text that may be cut only at some places without changing them.
///
/// The text between two such places, a segment, is tokenized as a whole; `TextTokenizer` gathers it.
package protocol SegmentTokenizer: Sendable {
  /// Tokens and ids, special ones included.
  var vocabulary: Vocabulary { get }
  /// Ids before the first text, and behind each reset.
  var startIDs: [Int32] { get }
  /// Ids at the end of a text.
  var endIDs: [Int32] { get }
  /// Whether text without any id makes no step, where nothing else is asked for; else it is refused.
  var skipsUnknown: Bool { get }

  /// What the tokenizer's file asks for and a stream has not, as the end of a sentence about it.
  var notices: [String] { get }

  /// Whether the tokens of `held`, which is not empty, are final whatever follows, when `next` does.
  func isBoundary(_ held: [Unicode.Scalar], before next: Unicode.Scalar) -> Bool

  /// Whether the tokens of `held` are final already.
  func isComplete(_ held: [Unicode.Scalar]) -> Bool

  /// The tokens of a segment.
  ///
  /// - Parameters:
  ///   - segment: not empty.
  ///   - context: what the text before it leaves for it; 0 at the start of a text. It is part of the
  ///     stream's checkpoint.
  /// - Returns: them in their order; none for a segment that makes no step.
  func tokenize(_ segment: [Unicode.Scalar], context: inout UInt8) -> [SegmentToken]
}

extension SegmentTokenizer {
  package var startIDs: [Int32] { [] }
  package var endIDs: [Int32] { [] }
  package var notices: [String] { [] }
  package var skipsUnknown: Bool { true }
  package func isComplete(_ held: [Unicode.Scalar]) -> Bool { false }
}

/// One token of a segment.
package enum SegmentToken: Sendable, Equatable {
  case known(Int32)
  /// Text that is in no vocabulary, with the id that stands for it where the tokenizer has one.
  case unknown(Int32?)
}
