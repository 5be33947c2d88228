import Testing

@testable import Wire

/// How answers name the model that made them.
struct ModelKeyTests {
  @Test func aKeyIsHowTheHashBegins() {
    let hash = "sha256:0c5079b06dbdd73b" + String(repeating: "0", count: 48)
    #expect(ModelKey.key(of: hash) == 0x0c50_79b0_6dbd_d73b)
    #expect(ModelKey.text(of: 0x0c50_79b0_6dbd_d73b) == "0c5079b06dbdd73b")
    #expect(ModelKey.key(of: "") == 0)
  }

  @Test func theFriendlyFormHasItAsText() throws {
    var header = Header(kind: .answer)
    header.elementType = .float32
    header.count = 2
    header.width = 3
    header.model = 0xffff_ffff_ffff_ffff
    let bytes = FriendlyHeader.encode(header)
    #expect(String(decoding: bytes, as: UTF8.self).contains(",\"model\":\"ffffffffffffffff\"}"))
    let read = try bytes.withUnsafeBytes { try FriendlyHeader.decode($0, payloadByteCount: 24) }
    #expect(read == header)
  }

  @Test(arguments: ["\"\"", "\"0123456789abcdef0\"", "\"xyz\""])
  func whatIsNoKeyIsRefused(text: String) {
    let bytes = Array("{\"v\":1,\"kind\":\"hello\",\"model\":\(text)}".utf8)
    let error = #expect(throws: WireError.self) {
      try bytes.withUnsafeBytes { try FriendlyHeader.decode($0, payloadByteCount: 0) }
    }
    #expect(error?.code == .badHeader)
  }
}
