import Foundation
import Glibc
import Testing
import Wire

/// Messages that cannot be read, and peers that are no clients: refused in words, others unharmed.
struct WireFaultTests {
  private let running: RunningPipeline
  private let client: WireClient

  init() throws {
    running = try RunningPipeline(.hello, over: .tcp)
    client = try running.client()
  }

  private func dataHeader(count: UInt32, width: UInt32 = 1) -> Header {
    var header = Header(kind: .data)
    (header.elementType, header.count, header.width) = (.text, count, width)
    return header
  }

  /// Sends parts and expects one refusal, and that the stream is untouched and answered behind it.
  private func expect(
    _ code: RefusalCode, _ parts: [[UInt8]], says words: String...,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    try client.send(parts: parts)
    let refusals = try client.refusals()
    #expect(refusals.map(\.code) == [code], sourceLocation: location)
    for words in words {
      #expect(
        refusals.first?.message.contains(words) == true, "\(refusals)", sourceLocation: location)
    }
    // What was refused took credit, and gives it back with the next flush.
    if code == .tooLarge { _ = try client.hello() }
    try client.send(.text("h"), to: "sound", number: 0)
    let answer = try client.answers(of: "sound", steps: 1)[0]
    #expect(answer.tokenIDs == [0], sourceLocation: location)
    #expect(answer.header.number == 0, sourceLocation: location)
  }

  private let name = Array("a".utf8)

  @Test("fault 20: a header of neither form is refused")
  func anotherMagicIsRefusedWithTheVersionSpoken() throws {
    var header = dataHeader(count: 1).bytes
    header.replaceSubrange(0..<4, with: Array("MR2\0".utf8))
    try expect(.version, [name, header, Array("h".utf8)], says: "4d 52 32 0", "MR1")
    try expect(.version, [name, [], Array("h".utf8)])
    try expect(.version, [name, Array("MR".utf8)])
    try expect(
      .version, [name, Array("{\"v\":2,\"kind\":\"data\",\"dtype\":\"text\"}".utf8), name])
  }

  @Test func aHeaderOfAnotherLengthIsRefused() throws {
    try expect(.badHeader, [name, Array(dataHeader(count: 1).bytes.dropLast()), name], says: "55")
    try expect(.badHeader, [name, dataHeader(count: 1).bytes + [0], name], says: "57")
  }

  @Test func aHeaderOfOneMebibyteIsRefused() throws {
    let many = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
    try expect(.version, [name, many, name])
    try expect(.tooLarge, [name, [UInt8(ascii: "{")] + many.dropFirst(), name], says: "8192")
  }

  @Test func unknownKindsFlagsAndTypesAreRefused() throws {
    var bytes = dataHeader(count: 1).bytes
    bytes[4] = 10
    try expect(.badHeader, [name, bytes, name], says: "kind is 10")
    bytes = dataHeader(count: 1).bytes
    bytes[5] = 6
    try expect(.badDType, [name, bytes, name], says: "dtype is 6")
    bytes = dataHeader(count: 1).bytes
    bytes[6] = 32
    try expect(.badHeader, [name, bytes, name], says: "0x20")
    bytes[6] = 16 | 1
    try expect(.badHeader, [name, bytes, name], says: "PEEK")
    for kind in [MessageKind.acknowledge, .refuse, .welcome, .credit, .answer] {
      var header = dataHeader(count: 1)
      header.kind = kind
      try expect(.badHeader, [name, header.bytes, name], says: kind.name)
    }
  }

  @Test("fault 17: a payload that contradicts its header is refused naming both")
  func aPayloadThatContradictsItsHeaderIsRefusedNamingBoth() throws {
    try expect(
      .badLength, [name, dataHeader(count: 3).bytes, Array("he".utf8)], says: "2 bytes", "3 x 1")
    try expect(.badLength, [name, dataHeader(count: 1).bytes])
    var header = dataHeader(count: .max, width: .max)
    header.elementType = .float32
    try expect(.badLength, [name, header.bytes, name])
    // No number was used up.
    try client.send(.text("h"), to: "a", number: 0)
    #expect(try client.answers(of: "a", steps: 1).count == 1)
  }

  @Test("fault 20: missing parts and 10,000 of them are refused")
  func anotherNumberOfPartsIsRefused() throws {
    let header = dataHeader(count: 1).bytes
    try expect(.badHeader, [name], says: "1 parts")
    try expect(.badHeader, [name, header, name, [], [], []], says: "6 parts")
    let many = [[UInt8]](repeating: [1], count: 10_000)
    try expect(.badHeader, [name, header] + many, says: "10002 parts")
  }

  @Test(
    "fault 36: a name outside the alphabet is refused",
    arguments: [
      "no/slash", "", "sp ace", "tab\t", "ünicode", String(repeating: "x", count: 129),
    ])
  func aNameOutsideTheAlphabetIsRefused(name: String) throws {
    try expect(.badName, [Array(name.utf8), dataHeader(count: 1).bytes, self.name], says: "A-Z")
  }

  @Test("fault 20: deep JSON and duplicate keys are refused")
  func friendlyHeadersAreReadStrictly() throws {
    func refused(_ code: RefusalCode, _ header: String, says words: String) throws {
      try expect(code, [name, Array(header.utf8), name], says: words)
    }
    try refused(.badHeader, "{\"v\":1,\"v\":1,\"kind\":\"data\"}", says: "twice")
    try refused(.badHeader, "{\"v\":1,\"kind\":\"date\"}", says: "date")
    try refused(.badHeader, "{\"v\":1,\"kind\":\"data\"", says: "byte")
    try refused(
      .badHeader, "{\"v\":1,\"kind\":\"data\",\"x\":[[[[[[1]]]]]]}", says: "4")
    try refused(
      .badHeader, "{\"v\":1,\"kind\":\"data\",\"number\":9007199254740993}",
      says: "2^53")
    try refused(.badDType, "{\"v\":1,\"kind\":\"data\",\"dtype\":\"<f8\"}", says: "<f8")
    try refused(
      .badHeader, "{\"v\":1,\"kind\":\"data\",\"dtype\":\"text\",\"flags\":[\"STOP\"]}",
      says: "STOP")
    try refused(.badHeader, "{\"v\":1,\"kind\":\"data\",\"dtype\":\"<f4\"}", says: "shape")
  }

  @Test func aHelloThatIsNoJSONIsRefused() throws {
    var header = Header(kind: .hello)
    (header.elementType, header.count, header.width) = (.json, 1, 1)
    try expect(.badHeader, [[], header.bytes, Array("[".utf8)], says: "hello")
  }

  @Test("fault 21: a message over the limit is refused or its sender cut off")
  func aMessageOverTheLimitIsRefusedOrItsSenderCutOff() throws {
    let payload = [UInt8](repeating: UInt8(ascii: "h"), count: 1 << 20)
    try expect(
      .tooLarge, [name, dataHeader(count: 1 << 20).bytes, payload], says: "at most 1048576")
    // libzmq cuts off the sender of a larger part; it connects again by itself.
    let other = try running.client()
    try other.send(.text("h"), to: "b", number: 0)
    _ = try other.answers(of: "b", steps: 1)
    try other.send(parts: [name, dataHeader(count: 1).bytes, payload + [0]])
    try client.send(.text("e"), to: "b", number: 1)
    #expect(try client.answers(of: "b", steps: 1).flatMap(\.tokenIDs) == [1])
  }

  @Test func moreThanAFreshCreditIsTooLarge() throws {
    let text = [UInt8](repeating: UInt8(ascii: "h"), count: 64 * 1024 + 1)
    try expect(
      .tooLarge, [name, dataHeader(count: UInt32(text.count)).bytes, text], says: "65536")
  }

  /// libzmq cuts such peers off by itself; the daemon says so.
  @Test func aPeerThatIsCutOffIsSaidWithAReason() throws {
    let tapped = try RunningPipeline(.hello, over: .tcp, isTapped: true)
    let tap = try TapSubscriber(
      tapped.monitor, topic: "tap/daemon/events/tokenizer/", queueMessages: 0)
    let sound = try tapped.client()
    let deadline = Deadline.standard
    var number: UInt64 = 0
    while try tap.receive(within: .milliseconds(1)) == nil, !deadline.hasPassed {
      try sound.send(.text("h"), to: "a\(number)", number: 0, flags: .end)
      _ = try sound.answersToEnd(of: "a\(number)")
      number += 1
    }
    let port = UInt16(tapped.ingress.split(separator: ":").last ?? "") ?? 0
    func waitForLine(_ words: String...) throws {
      try tapped.daemon.process.read(until: "\(words)") { process in
        process.errorLines.contains { line in words.allSatisfy { line.contains($0) } }
      }
    }
    do {
      let garbage = try LoopbackSocket(connectedTo: port)
      garbage.send(
        [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + [UInt8](repeating: 0xff, count: 99))
      try waitForLine("level=warning", "peer disconnected", "handshake")
    }
    let large = [UInt8](repeating: UInt8(ascii: "h"), count: 1 << 20 + 1)
    let other = try tapped.client()
    try other.send(.text("h"), to: "b", number: 0)
    _ = try other.answers(of: "b", steps: 1)
    try other.send(parts: [name, dataHeader(count: 1).bytes, large])
    try waitForLine("level=info", "client disconnected", "over 1048576 bytes")
    var events: [String] = []
    while let event = try tap.receive(within: .milliseconds(300)) { events.append(event.text) }
    let gone = events.filter { $0.contains("\"disconnected\"") }
    #expect(gone.contains { $0.contains("\"heard\":true") && $0.contains("1048576") })
    #expect(gone.contains { $0.contains("\"heard\":false") && $0.contains("handshake") })
    try tapped.stop()
  }

  @Test("fault 21: garbage on the port harms no client")
  func garbageOnThePortHarmsNoClient() throws {
    let port = UInt16(running.ingress.split(separator: ":").last ?? "") ?? 0
    var generator = SeededGenerator(seed: 7)
    let request = Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
    let greeting: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]
    var peers: [LoopbackSocket] = []
    for index in 0..<30 {
      let peer = try LoopbackSocket(connectedTo: port)
      switch index % 4 {
      case 0: peer.send(request)
      case 1: peer.send((0..<4096).map { _ in UInt8.random(in: 0...255, using: &generator) })
      case 2: peer.send(greeting + (0..<200).map { _ in 0xff })
      default: break  // says nothing, and stays
      }
      peers.append(peer)
      try client.send(.text("h"), to: "a", number: UInt64(index))
      #expect(try client.answers(of: "a", steps: 1)[0].header.number == UInt64(index))
    }
    try running.stop()
  }
}
