import CSodium

/// SHA-256 by libsodium.
enum SHA256 {
  /// 32 bytes.
  static func hash(of bytes: [UInt8]) -> [UInt8] {
    var hash = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
    crypto_hash_sha256(&hash, bytes, UInt64(bytes.count))
    return hash
  }

  /// Of a whole file, which is read piece by piece; nil when it cannot be read.
  static func hash(of file: OpenFile) -> [UInt8]? {
    var state = crypto_hash_sha256_state()
    crypto_hash_sha256_init(&state)
    var piece = [UInt8](repeating: 0, count: min(1 << 20, max(1, file.count)))
    var offset = 0
    while offset < file.count {
      let count = min(piece.count, file.count - offset)
      let isRead = piece.withUnsafeMutableBytes {
        file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]))
      }
      guard isRead else { return nil }
      crypto_hash_sha256_update(&state, piece, UInt64(count))
      offset += count
    }
    var hash = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
    crypto_hash_sha256_final(&state, &hash)
    return hash
  }

  /// Of a model in several files: that of the file alone, or of its hash and those of the others,
  /// 32 bytes each, one after the other.
  static func hash(_ own: [UInt8], beside others: [[UInt8]]) -> [UInt8] {
    others.isEmpty ? own : hash(of: own + others.joined())
  }

  /// Of the values of tensors, one after the other, as they lie in memory.
  static func hash(of tensors: [Tensor]) -> [UInt8] {
    var state = crypto_hash_sha256_state()
    crypto_hash_sha256_init(&state)
    for tensor in tensors {
      tensor.values.withUnsafeBytes { bytes in
        let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        if let start { crypto_hash_sha256_update(&state, start, UInt64(bytes.count)) }
      }
    }
    var hash = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
    crypto_hash_sha256_final(&state, &hash)
    return hash
  }

  /// Of hexadecimal digits; empty for other text.
  static func bytes(of text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return [] }
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
  }

  /// 64 hexadecimal digits.
  static func text(of hash: [UInt8]) -> String {
    hash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
