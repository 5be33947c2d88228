/// The checksum of zip and PNG (ISO 3309), which every language's library has.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { (index: UInt32) in
    (0..<8).reduce(index) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
  }

  static func sum(of bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { table[Int(truncatingIfNeeded: $0 ^ UInt32($1)) & 0xFF] ^ ($0 >> 8) }
  }
}
