/// Puts numbers and byte strings together, little-endian, as records of the store have them.
struct ByteWriter {
  private(set) var bytes: [UInt8]

  /// Goes on behind `bytes`.
  init(_ bytes: consuming [UInt8] = []) { self.bytes = bytes }

  mutating func put(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Bytes whose length the reader knows.
  mutating func put(raw body: UnsafeRawBufferPointer) { bytes.append(contentsOf: body) }

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
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: count.littleEndian, toByteOffset: start, as: UInt32.self)
    }
  }

  mutating func put(_ floats: [Float]) {
    put(UInt32(floats.count))
    // Swift runs on little-endian processors alone.
    floats.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  mutating func put(_ values: [UInt64]) {
    put(UInt32(values.count))
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }
}
