/// The first 8 bytes of a model file's SHA-256, by which answers name the model that made them.
package enum ModelKey {
  /// 16 hexadecimal digits: how the hash begins.
  package static func text(of key: UInt64) -> String {
    let digits = String(key, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The key of a hash, `sha256:` and 64 digits; 0 for what is none.
  package static func key(of hash: String) -> UInt64 {
    key(ofDigits: String(hash.replacing("sha256:", with: "").prefix(16))) ?? 0
  }

  /// Nil for what is not 1 to 16 hexadecimal digits.
  package static func key(ofDigits digits: String) -> UInt64? {
    guard (1...16).contains(digits.utf8.count), digits.allSatisfy(\.isHexDigit) else { return nil }
    return UInt64(digits, radix: 16)
  }
}
