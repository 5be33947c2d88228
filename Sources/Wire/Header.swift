/// Part 1 of every message: 56 bytes, little-endian, `"<4sBBHIIQQQQQ"`.
package struct Header: Equatable, Sendable {
  package static let byteCount = 56
  /// `MR1\0`; the digit is the version.
  package static let magic: [UInt8] = [0x4d, 0x52, 0x31, 0x00]

  package var kind: MessageKind
  package var elementType: ElementType = .none
  package var flags: MessageFlags = []
  /// Elements in the payload.
  package var count: UInt32 = 0
  /// Values an element.
  package var width: UInt32 = 0
  /// Position of the first element: bytes for text, steps otherwise and in answers.
  package var number: UInt64 = 0
  /// The producer's incarnation; 0 is none.
  package var epoch: UInt64 = 0
  /// Event time in microseconds since 1970; only carried.
  package var time: UInt64 = 0
  /// The first input number not used by this message's last step (stage links and answers).
  package var input: UInt64 = 0
  /// First 8 bytes of the model file's SHA-256 (answers).
  package var model: UInt64 = 0

  package init(kind: MessageKind) { self.kind = kind }

  /// Bytes that the payload must have; nil when that is no number a machine can hold.
  package var payloadByteCount: Int? {
    let values = UInt64(count).multipliedReportingOverflow(by: UInt64(width))
    guard !values.overflow else { return nil }
    let bytes = values.partialValue.multipliedReportingOverflow(by: UInt64(elementType.byteCount))
    guard !bytes.overflow else { return nil }
    return Int(exactly: bytes.partialValue)
  }

  /// One past the last element.
  package var end: UInt64 { number &+ UInt64(count) }

  // MARK: Bytes

  /// Reads the binary form.
  ///
  /// - Throws: `.version` for another magic, `.badHeader` for a wrong length, an unknown kind or
  ///   element type, or unknown flags. The receiver refuses the message with that code.
  package init(bytes: UnsafeRawBufferPointer) throws(WireError) {
    guard bytes.count >= 4, bytes[0..<4].elementsEqual(Header.magic) else {
      let received = bytes.prefix(4).map { String($0, radix: 16) }.joined(separator: " ")
      throw WireError(
        .version, "the header begins with bytes \(received)",
        expected: "MR1\\0 (version 1) or a JSON object")
    }
    guard bytes.count == Header.byteCount else {
      throw WireError(
        .badHeader, "the header has \(bytes.count) bytes", expected: "\(Header.byteCount)")
    }
    func read<T: FixedWidthInteger>(_ offset: Int, as _: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
    guard let kind = MessageKind(rawValue: bytes[4]) else {
      throw WireError(.badHeader, "kind is \(bytes[4])", expected: "1 to 9, and 16 between stages")
    }
    guard let elementType = ElementType(rawValue: bytes[5]) else {
      throw WireError(.badDType, "dtype is \(bytes[5])", expected: "0 to 5")
    }
    let flags = MessageFlags(rawValue: read(6, as: UInt16.self))
    guard flags.isSubset(of: .known) else {
      throw WireError(
        .badHeader, "flags are 0x\(String(flags.rawValue, radix: 16))", expected: "bits of 0x1f")
    }
    self.kind = kind
    self.elementType = elementType
    self.flags = flags
    count = read(8, as: UInt32.self)
    width = read(12, as: UInt32.self)
    number = read(16, as: UInt64.self)
    epoch = read(24, as: UInt64.self)
    time = read(32, as: UInt64.self)
    input = read(40, as: UInt64.self)
    model = read(48, as: UInt64.self)
  }

  /// Writes the binary form to the start of `buffer`, which has at least 56 bytes.
  package func encode(into buffer: UnsafeMutableRawBufferPointer) {
    buffer.copyBytes(from: Header.magic)
    buffer[4] = kind.rawValue
    buffer[5] = elementType.rawValue
    func store<T: FixedWidthInteger>(_ value: T, at offset: Int) {
      buffer.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }
    store(flags.rawValue, at: 6)
    store(count, at: 8)
    store(width, at: 12)
    store(number, at: 16)
    store(epoch, at: 24)
    store(time, at: 32)
    store(input, at: 40)
    store(model, at: 48)
  }

  package var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Header.byteCount) { buffer, count in
      encode(into: UnsafeMutableRawBufferPointer(buffer))
      count = Header.byteCount
    }
  }

  /// Checks the payload's length against count, width and element type.
  ///
  /// - Throws: `.badLength` naming both lengths.
  package func checkPayload(byteCount: Int) throws(WireError) {
    guard let expected = payloadByteCount, expected == byteCount else {
      throw WireError(
        .badLength, "the payload has \(byteCount) bytes",
        expected:
          "\(payloadByteCount.map(String.init) ?? "no more than 2^63") "
          + "(\(count) x \(width) x \(elementType.byteCount))")
    }
  }
}
