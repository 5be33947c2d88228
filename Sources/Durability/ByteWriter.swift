/// Puts numbers and byte strings together, little-endian, as records of the store have them.
struct ByteWriter {
  private(set) var bytes: [UInt8]

  /// Goes on behind `bytes`.
  init(_ bytes: consuming [UInt8] = []) { self.bytes = bytes }

  mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// The length in 4 bytes, then the bytes.
  mutating func put(counted body: some Collection<UInt8>) {
    put(UInt32(body.count))
    bytes.append(contentsOf: body)
  }

  /// What `body` puts, behind its length in 4 bytes.
  mutating func putCounted(_ body: (inout ByteWriter) -> Void) {
    let start = bytes.count
    put(UInt32(0))
    body(&self)
    let count = UInt32(bytes.count - start - 4)
    withUnsafeBytes(of: count.littleEndian) {
      bytes.replaceSubrange(start..<start + 4, with: $0)
    }
  }

  mutating func put(_ floats: [Float]) {
    put(UInt32(floats.count))
    // Swift runs on little-endian processors alone.
    floats.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  mutating func put(_ values: [UInt64]) {
    put(UInt32(values.count))
    for value in values { put(value) }
  }
}
