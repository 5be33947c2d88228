import Testing
import Wire

struct InboundMessageTests {
  /// Reads parts as a link does, and calls `body` while their bytes are there.
  private func read<Result>(
    _ parts: [String], _ body: (InboundMessage) throws -> Result
  ) throws -> Result {
    let buffers = parts.map { text in
      let bytes = bytes(hexadecimal: text)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
      buffer.copyBytes(from: bytes)
      return buffer
    }
    defer { buffers.forEach { $0.deallocate() } }
    let message = try InboundMessage(partCount: parts.count, byteCountMax: 1 << 20) {
      UnsafeRawBufferPointer(buffers[$0])
    }
    return try body(message)
  }

  @Test(arguments: GoldenMessages.all.messages.filter { $0.on == "link" })
  func readsEveryFieldOfAGoldenMessage(golden: GoldenMessages.Golden) throws {
    try read(golden.parts) { message in
      let header = message.header
      #expect(message.stream?.name ?? "" == golden.meaning.stream)
      #expect(header.kind.name == golden.meaning.kind)
      let flags = MessageFlags.names.filter { header.flags.contains($0.flag) }.map(\.name)
      #expect(flags == golden.meaning.flags)
      #expect(header.count == golden.meaning.count)
      #expect(header.width == golden.meaning.width)
      #expect(String(header.number) == golden.meaning.number)
      #expect(String(header.epoch) == golden.meaning.epoch)
      #expect(String(header.time) == golden.meaning.time)
      #expect(String(header.input) == golden.meaning.input)
      #expect(Array(message.payload) == bytes(hexadecimal: golden.meaning.payload))
      #expect(message.ids.count == golden.meaning.ids.count * 4)
    }
  }

  @Test(arguments: GoldenMessages.all.messages.filter { $0.on == "link" && $0.canonical })
  func writesAGoldenHeaderToTheSameBytes(golden: GoldenMessages.Golden) throws {
    try read(golden.parts) { message in
      let written =
        golden.form == "friendly" ? FriendlyHeader.encode(message.header) : message.header.bytes
      #expect(
        String(decoding: written, as: UTF8.self)
          == String(decoding: bytes(hexadecimal: golden.parts[1]), as: UTF8.self))
    }
  }

  @Test(arguments: GoldenMessages.all.malformed.filter { $0.on == "link" })
  func refusesAMalformedMessageWithItsCode(malformed: GoldenMessages.Malformed) throws {
    do {
      try read(malformed.parts) { _ in }
      Issue.record("\(malformed.name) was read, expected \(malformed.refuse)")
    } catch let error as WireError {
      #expect(error.code.rawValue == malformed.refuse, "\(error)")
    }
  }

  @Test func refusesOneByteMoreThanTheLimit() throws {
    let name: [UInt8] = Array("a".utf8)
    var header = Header(kind: .data)
    header.elementType = .uint8
    header.count = 100
    header.width = 1
    let headerBytes = header.bytes
    let payload = [UInt8](repeating: 1, count: 100)
    func read(limit: Int) throws {
      try name.withUnsafeBytes { name in
        try headerBytes.withUnsafeBytes { header in
          try payload.withUnsafeBytes { payload in
            let parts = [name, header, payload]
            _ = try InboundMessage(partCount: 3, byteCountMax: limit) { parts[$0] }
          }
        }
      }
    }
    try read(limit: 156)
    #expect(throws: WireError.self) { try read(limit: 155) }
  }
}
