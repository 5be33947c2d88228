import Foundation
import Glibc
import Testing
import Wire

/// Peers that are hostile, deaf or gone, row by row of the table in Docs/reliability.md: others are
/// served, and memory and descriptors stay bounded.
struct PeerFaultTests {
  private static let steps = PipelineText(
    tokenizer: "{ kind: one-hot }", model: "Fixtures/hello/model.keras")

  private func port(of endpoint: String) throws -> UInt16 {
    try #require(UInt16(endpoint.split(separator: ":").last ?? ""))
  }

  /// Steps of a stream of its own, each answered: the daemon serves others.
  private final class Witness {
    let client: WireClient
    private var number: UInt64 = 0

    init(_ client: WireClient) { self.client = client }

    func step() throws {
      try client.send(.text("h"), to: "witness", number: number)
      #expect(try client.answers(of: "witness", steps: 1)[0].header.number == number)
      number += 1
    }
  }

  @Test("fault 20: floods of parts and deep JSON leave memory as it was")
  func floodsOfPartsAndDeepJSONLeaveMemoryAsItWas() throws {
    let running = try RunningPipeline(.hello)
    let witness = Witness(try running.client())
    let client = try running.client()
    let parts = [[UInt8]](repeating: [1], count: 10_000)
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    var header = Header(kind: .hello)
    (header.elementType, header.count, header.width) = (.json, 1, UInt32(deep.count))
    func flood() throws -> Int {
      for _ in 0..<10 {
        try client.send(parts: parts)
        try client.send(header, stream: "", payload: deep)
        try client.send(parts: [Array("a".utf8), Array(deep.prefix(8000)), []])
        // Waits until all of it has been read.
        let refusals = try client.refusals()
        #expect(refusals.map(\.code) == [.badHeader, .badHeader, .version], "\(refusals)")
        try witness.step()
      }
      return try running.daemon.process.residentKiB()
    }
    let before = try flood()
    for _ in 0..<4 { _ = try flood() }
    let after = try flood()
    if !Checkout.isSanitized {
      #expect(after - before < 8 * 1024, "from \(before) KiB to \(after) KiB")
    }
  }

  /// A hello of a mebibyte names a hundred thousand streams: the answer comes, and each key is
  /// looked at once.
  @Test("fault 20: a hello of very many streams is answered, and one with a key twice refused")
  func aHelloOfVeryManyStreamsIsAnswered() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    var streams: [String: UInt64?] = [:]
    for index in 0..<60_000 { streams.updateValue(nil, forKey: "s\(index)") }
    let welcome = try client.hello(streams)
    #expect(welcome.streams.count == streams.count)
    var json = Hello(streams: streams).bytes
    json.insert(contentsOf: Array(",\"s59999\":null".utf8), at: json.lastIndex(of: 0x7d, before: 1))
    var header = Header(kind: .hello)
    (header.elementType, header.count, header.width) = (.json, 1, UInt32(json.count))
    try client.send(header, stream: "", payload: json)
    let refusals = try client.refusals()
    #expect(refusals.map(\.code) == [.badHeader])
    #expect(refusals.first?.message.contains("stands twice") == true, "\(refusals)")
  }

  @Test("fault 21: a message of 2 GiB is not waited for")
  func aMessageOfTwoGibibytesIsNotWaitedFor() throws {
    let running = try RunningPipeline(.hello, over: .tcp)
    let witness = Witness(try running.client())
    try witness.step()
    let before = try running.daemon.process.residentKiB()
    let peer = try LoopbackSocket(connectedTo: port(of: running.ingress))
    // ZMTP 3.0: the greeting, READY as a DEALER, then a part that announces 2^31 bytes.
    let greeting: [UInt8] =
      [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + Array("NULL".utf8)
      + [UInt8](repeating: 0, count: 48)
    let ready =
      [5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, 6]
      + Array("DEALER".utf8)
    peer.send(greeting + [4, UInt8(ready.count)] + ready)
    peer.send([2, 0, 0, 0, 0, 0x80, 0, 0, 0] + [UInt8](repeating: 0x68, count: 4096))
    #expect(peer.isClosedByPeer(within: 20))
    try witness.step()
    let after = try running.daemon.process.residentKiB()
    if !Checkout.isSanitized {
      #expect(after - before < 8 * 1024, "from \(before) KiB to \(after) KiB")
    }
    try running.stop()
  }

  @Test("fault 21: a port scan leaves no descriptor behind")
  func aPortScanLeavesNoDescriptorBehind() throws {
    let running = try RunningPipeline(.hello, over: .tcp)
    let witness = Witness(try running.client())
    let port = try port(of: running.ingress)
    let process = running.daemon.process
    try witness.step()
    let before = try process.descriptorCount()
    for index in 0..<400 {
      let scan = try LoopbackSocket(connectedTo: port)
      if index % 3 == 0 { scan.send([UInt8(index % 256)]) }
      if index % 50 == 0 { try witness.step() }
    }
    let deadline = Deadline.standard
    while try process.descriptorCount() > before, !deadline.hasPassed { try witness.step() }
    #expect(try process.descriptorCount() <= before)
    try running.stop()
  }

  @Test("fault 24: a tap that is stopped delays nobody, and counts its holes when it goes on")
  func aTapThatIsStoppedCountsItsHoles() throws {
    let running = try RunningPipeline(Self.steps, isTapped: true)
    let client = try running.client()
    try client.hello()
    let tap = try ChildProcess(
      ["tap", running.file, "tap/inference/output/a/", "--format", "json"])
    var sent: UInt64 = 0
    func step() throws {
      try client.send(.ids([Int32(sent % 5)]), to: "a", number: sent)
      _ = try client.answers(of: "a", steps: 1)
      sent += 1
    }
    func seesAStep(after lines: Int) throws {
      let deadline = Deadline.standard
      while tap.outputLines.count <= lines, !deadline.hasPassed {
        try step()
        do {
          try tap.read(until: "a line", deadline: Deadline(seconds: 0)) {
            $0.outputLines.count > lines
          }
        } catch HarnessError.timedOut { continue }
      }
      try #require(tap.outputLines.count > lines)
    }
    try seesAStep(after: 0)
    tap.signal(SIGSTOP)
    var status: Int32 = 0
    while waitpid(tap.processID, &status, WUNTRACED) < 0, errno == EINTR {}
    // Beyond what sockets and queues hold; each within the credit, and each answered.
    let last = sent + 10_000
    var answered = sent
    while answered < last {
      while sent < last, client.sent < client.credit {
        try client.send(.ids([Int32(sent % 5)]), to: "a", number: sent)
        sent += 1
      }
      #expect(try client.receive(.answer, of: "a").header.number == answered)
      answered += 1
    }
    tap.signal(SIGCONT)
    // What is queued comes, then what is sent from now on, behind a hole.
    let deadline = Deadline.standard
    func newest() -> UInt64 { tap.outputLines.last.flatMap(Self.number) ?? 0 }
    while newest() < last, !deadline.hasPassed { try seesAStep(after: tap.outputLines.count) }
    tap.signal(SIGINT)
    #expect(try tap.waitForExit() == 0)
    let numbers = tap.outputLines.compactMap(Self.number)
    let (first, final) = (try #require(numbers.first), try #require(numbers.last))
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
    let lost = Int(final - first) + 1 - numbers.count
    #expect(lost > 0)
    #expect(tap.errorLines.last == "millrace: \(numbers.count) messages, \(lost) lost")
  }

  private static func number(of line: String) -> UInt64? {
    line.firstMatch(of: /"number":([0-9]+)/).flatMap { UInt64($0.output.1) }
  }

  /// The daemon and its client each notice by their heartbeats that nothing comes; the client
  /// connects again, says hello, and sends what was not acknowledged.
  @Test("fault 26: a half-open connection is noticed, and the stream goes on by hello")
  func aHalfOpenConnectionIsNoticed() throws {
    let relayed = try RelayedPipe()
    let pipe = relayed.pipe
    relayed.relay.fallSilent()
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"ll\",\"end\":true}\n".utf8))
    pipe.closeInput()
    try relayed.flowWhenGivenUp()
    #expect(try pipe.waitForExit() == 0)
    let lines = try pipe.outputLines.map { try OutputLine($0) }
    #expect(lines.map(\.number) == [0, 1, 2, 3])
    #expect(lines.map(\.label) == ["e", "l", "l", "o"])
    try relayed.running.stop()
  }
}

extension ChildProcess {
  /// How many files and sockets it has open.
  fileprivate func descriptorCount() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/fd").count
  }
}

extension [UInt8] {
  /// Where a byte stands that `count` more of its kind follow.
  fileprivate func lastIndex(of byte: UInt8, before count: Int) -> Int {
    let places = indices.filter { self[$0] == byte }
    return places[places.count - 1 - count]
  }
}
