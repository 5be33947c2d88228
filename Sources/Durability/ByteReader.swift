/// Takes a record apart again; never reads beyond its end.
struct ByteReader {
  struct Truncated: Error {}

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func take<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
    let bytes = try take(count: MemoryLayout<Value>.size)
    return bytes.reversed().reduce(into: Value.zero) {
      $0 = $0 << 8 | Value(truncatingIfNeeded: $1)
    }
  }

  mutating func take(count: Int) throws -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw Truncated() }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func takeCounted() throws -> ArraySlice<UInt8> {
    try take(count: Int(try take(UInt32.self)))
  }

  mutating func takeFloats() throws -> [Float] {
    let count = Int(try take(UInt32.self))
    let bytes = try take(count: count.multipliedReportingOverflow(by: 4).partialValue)
    // The empty array is one for all threads, and its count would be written.
    if count == 0 { return [] }
    return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      bytes.withUnsafeBytes { source in
        for index in 0..<count {
          let bits = source.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
          buffer.initializeElement(at: index, to: Float(bitPattern: UInt32(littleEndian: bits)))
        }
      }
      filled = count
    }
  }

  mutating func takeNumbers() throws -> [UInt64] {
    let count = Int(try take(UInt32.self))
    guard count <= rest.count / 8 else { throw Truncated() }
    return try (0..<count).map { _ in try take(UInt64.self) }
  }
}
