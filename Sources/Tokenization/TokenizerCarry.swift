/// What a stream's text has begun and not completed: part of its checkpoint.
package struct TokenizerCarry: Equatable, Sendable {
  /// Bytes of an incomplete UTF-8 sequence, at most 3.
  var bytes: [UInt8] = []
  /// Scalars that may still compose, or the word so far.
  var scalars: [Unicode.Scalar] = []
  /// Bytes of the stream before the first of `scalars`.
  var scalarsStart: UInt64 = 0
  /// Bytes of the stream through the last of `scalars`.
  var scalarsEnd: UInt64 = 0
  /// Whether a word is under way that has become too long, so that its scalars are not kept.
  var isOverlong = false
  /// Bytes of the stream that have been read, `bytes` included.
  package private(set) var consumed: UInt64 = 0

  package init() {}

  /// Whether input could end here without losing anything.
  package var isEmpty: Bool { bytes.isEmpty && scalars.isEmpty && !isOverlong }

  /// Keeps a scalar for later.
  mutating func hold(_ scalar: Unicode.Scalar, _ bytes: Range<UInt64>) {
    if scalars.isEmpty { scalarsStart = bytes.lowerBound }
    scalars.append(scalar)
    scalarsEnd = bytes.upperBound
  }

  mutating func consume(_ count: Int) { consumed += UInt64(count) }
}
