/// Decodes UTF-8 that arrives in pieces, the standard's way: the longest prefix of a valid
/// sequence is one error ("maximal subparts", as Python's and the web's decoders do).
enum UTF8Decoder {
  enum Outcome {
    /// A scalar of so many bytes.
    case scalar(Unicode.Scalar, byteCount: Int)
    /// The bytes are the beginning of a sequence whose rest has not come.
    case incomplete
    /// So many bytes are no UTF-8.
    case invalid(byteCount: Int)
  }

  /// Reads one scalar at `start`.
  static func decode(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Outcome {
    let lead = bytes[start]
    if lead < 0x80 { return .scalar(Unicode.Scalar(lead), byteCount: 1) }
    // Unicode 15, table 3-7: the second byte's range depends on the first.
    let second: ClosedRange<UInt8>
    let length: Int
    switch lead {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return .invalid(byteCount: 1)
    }
    var value = UInt32(lead) & (0xFF >> UInt32(length + 1))
    for offset in 1..<length {
      guard start + offset < bytes.count else { return .incomplete }
      let byte = bytes[start + offset]
      guard (offset == 1 ? second : 0x80...0xBF).contains(byte) else {
        return .invalid(byteCount: offset)
      }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    return .scalar(Unicode.Scalar(value) ?? "\u{FFFD}", byteCount: length)
  }
}
