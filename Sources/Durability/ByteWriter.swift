/// Puts numbers and byte strings together, little-endian, as records of the store have them.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// The length in 4 bytes, then the bytes.
  mutating func put(counted body: some Collection<UInt8>) {
    put(UInt32(body.count))
    bytes.append(contentsOf: body)
  }

  mutating func put(_ floats: [Float]) {
    put(UInt32(floats.count))
    for value in floats { put(value.bitPattern) }
  }

  mutating func put(_ values: [UInt64]) {
    put(UInt32(values.count))
    for value in values { put(value) }
  }
}
