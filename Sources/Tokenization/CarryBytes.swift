/// Writes and reads a carry's fields, little-endian.
struct CarryBytes {
  var bytes: [UInt8] = []
  private var position = 0

  init(bytes: [UInt8] = []) { self.bytes = bytes }

  mutating func append(_ byte: UInt8) { bytes.append(byte) }

  mutating func append(_ word: UInt64) {
    withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
  }

  mutating func append(_ values: [Float]) {
    for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
  }

  var rest: ArraySlice<UInt8> { bytes[position...] }

  mutating func take(_ count: Int) throws(CarryError) -> [UInt8] {
    guard count <= bytes.count - position else { throw .truncated(atByte: bytes.count) }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  mutating func takeByte() throws(CarryError) -> UInt8 { try take(1)[0] }

  mutating func takeWord() throws(CarryError) -> UInt64 {
    try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func takeFloats(_ count: Int) throws(CarryError) -> [Float] {
    guard count <= (bytes.count - position) / 4 else { throw .truncated(atByte: bytes.count) }
    var values: [Float] = []
    for _ in 0..<count {
      let bits = try take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      values.append(Float(bitPattern: bits))
    }
    return values
  }
}
