import CXXHash

/// XXH3 of 64 bits by libxxhash: notices damage at the speed of memory; no defence against intent.
enum Checksum {
  static func sum(of bytes: UnsafeRawBufferPointer) -> UInt64 {
    XXH3_64bits(bytes.baseAddress, bytes.count)
  }

  static func text(of bytes: UnsafeRawBufferPointer) -> String { text(sum(of: bytes)) }

  /// 16 hexadecimal digits.
  static func text(_ sum: UInt64) -> String {
    let digits = String(sum, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Of texts, whose borders count.
  static func text(of texts: [String]) -> String {
    var bytes: [UInt8] = []
    for text in texts { bytes += Array("\(text.utf8.count):".utf8) + Array(text.utf8) }
    return bytes.withUnsafeBytes { text(of: $0) }
  }
}
