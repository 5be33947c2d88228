/// A part of a stream's text that makes no token: a run of characters, or a word.
package struct RefusedText: Equatable, Sendable {
  /// Which bytes of the stream it is.
  package var bytes: Range<UInt64>
  /// Why the first of it is refused; the rest is refused for the same.
  package let refusal: TokenizerRefusal
}

extension TokenizerRefusal {
  /// Whether both are of one kind.
  func isLike(_ other: TokenizerRefusal) -> Bool {
    switch (self, other) {
    case (.invalidText, .invalidText), (.unknownToken, .unknownToken),
      (.wordTooLong, .wordTooLong):
      true
    default: false
    }
  }
}
