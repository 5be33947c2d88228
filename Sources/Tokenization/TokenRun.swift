/// Tokens that one piece of input completed; reused from piece to piece.
package struct TokenRun: Equatable, Sendable {
  package var ids: [Int32] = []
  /// For each token, the bytes of the stream used through its last byte.
  package var ends: [UInt64] = []

  /// Text that made no token, in its order.
  package private(set) var refused: [RefusedText] = []

  package init() {}

  package mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    refused.removeAll()
  }

  /// Takes note of text that makes no token; what is refused right behind it for the same reason is
  /// one with it.
  mutating func refuse(_ refusal: TokenizerRefusal, bytes: Range<UInt64>) {
    if let last = refused.last, last.refusal.isLike(refusal),
      // Of what was composed together, several may be at fault.
      last.bytes.upperBound == bytes.lowerBound || last.bytes == bytes
    {
      refused[refused.count - 1].bytes = last.bytes.lowerBound..<bytes.upperBound
    } else {
      refused.append(RefusedText(bytes: bytes, refusal: refusal))
    }
  }

  mutating func append(_ id: Int32, end: UInt64) {
    ids.append(id)
    ends.append(end)
  }
}
