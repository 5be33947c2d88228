/// What a stream's text has begun and not completed: part of its checkpoint.
package struct TokenizerCarry: Equatable, Sendable {
  /// Bytes of an incomplete UTF-8 sequence, at most 3.
  var bytes: [UInt8] = []
  /// Scalars that may still compose, the word so far, or the segment so far.
  var scalars: [Unicode.Scalar] = []
  /// Bytes of the stream before the first of `scalars`.
  var scalarsStart: UInt64 = 0
  /// Bytes of the stream through the last of `scalars`.
  var scalarsEnd: UInt64 = 0
  /// Whether a word is under way that has become too long, so that its scalars are not kept.
  var isOverlong = false
  /// Whether the text has begun, so that its end is due.
  var hasBegun = false
  /// What a segment left for the next; 0 at the start of a text.
  var context: UInt8 = 0
  /// Bytes of the stream that have been read, `bytes` included.
  package private(set) var consumed: UInt64 = 0

  package init() {}

  /// Whether input could end here without losing anything.
  package var isEmpty: Bool { bytes.isEmpty && scalars.isEmpty && !isOverlong }

  /// Bytes read that no token may have used yet; all of them where the word is too long to be kept.
  package var heldByteCount: UInt64 {
    if isOverlong { return consumed }
    return scalars.isEmpty ? UInt64(bytes.count) : consumed - scalarsStart
  }

  /// Keeps a scalar for later.
  mutating func hold(_ scalar: Unicode.Scalar, _ bytes: Range<UInt64>) {
    if scalars.isEmpty { scalarsStart = bytes.lowerBound }
    scalars.append(scalar)
    scalarsEnd = bytes.upperBound
  }

  mutating func consume(_ count: Int) { consumed += UInt64(count) }
}

// MARK: Portable bytes

extension TokenizerCarry {
  /// Of the form below; a byte form of another version is refused.
  private static let version: UInt8 = 1
  private static let overlongFlag: UInt8 = 1
  private static let begunFlag: UInt8 = 2

  /// The carry as bytes: version, flags, context, then (little-endian) the three counts of 8 bytes,
  /// the incomplete bytes behind their number, and the scalars as UTF-8 to the end.
  package func encoded() -> [UInt8] {
    var output = CarryBytes()
    output.append(TokenizerCarry.version)
    output.append(
      (isOverlong ? TokenizerCarry.overlongFlag : 0) | (hasBegun ? TokenizerCarry.begunFlag : 0))
    output.append(context)
    output.append(consumed)
    output.append(scalarsStart)
    output.append(scalarsEnd)
    output.append(UInt8(bytes.count))
    output.bytes += bytes
    output.bytes += Array(String(String.UnicodeScalarView(scalars)).utf8)
    return output.bytes
  }

  /// - Throws: a `CarryError` for bytes that no carry has.
  package init(decoding encoded: some Sequence<UInt8>) throws(CarryError) {
    var input = CarryBytes(bytes: Array(encoded))
    let version = try input.takeByte()
    guard version == TokenizerCarry.version else {
      throw .version(received: version, expected: TokenizerCarry.version)
    }
    let flags = try input.takeByte()
    guard flags <= TokenizerCarry.overlongFlag | TokenizerCarry.begunFlag else {
      throw .malformed("flags \(flags)")
    }
    isOverlong = flags & TokenizerCarry.overlongFlag != 0
    hasBegun = flags & TokenizerCarry.begunFlag != 0
    context = try input.takeByte()
    consumed = try input.takeWord()
    scalarsStart = try input.takeWord()
    scalarsEnd = try input.takeWord()
    guard scalarsStart <= scalarsEnd, scalarsEnd <= consumed else {
      throw .malformed("bytes \(scalarsStart) to \(scalarsEnd) of \(consumed)")
    }
    let count = try input.takeByte()
    guard count <= 3 else { throw .malformed("\(count) bytes of one character") }
    // What the bytes of the carry are counted up to has to fit, and so does the text behind it.
    guard consumed - scalarsEnd >= UInt64(count), consumed < 1 << 62 else {
      throw .malformed("\(count) bytes behind \(scalarsEnd) of \(consumed)")
    }
    bytes = try input.take(Int(count))
    guard let text = String(validating: input.rest, as: UTF8.self) else {
      throw .malformed("text that is not UTF-8")
    }
    scalars = Array(text.unicodeScalars)
  }
}
