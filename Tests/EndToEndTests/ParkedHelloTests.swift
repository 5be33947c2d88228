import Testing
import Wire

/// Greeting for streams that are parked.
struct ParkedHelloTests {
  /// A client may name more of them than there is room for, while others are under way.
  @Test("fault 22: a hello that names more parked streams than have room is answered")
  func aHelloOfMoreParkedStreamsThanHaveRoomIsAnswered() throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["limits: { live-streams: 2 }"]
    let running = try RunningPipeline(pipeline, durability: "fsync")
    let client = try running.client()
    let names = (0..<8).map { "s\($0)" }
    for name in names {
      _ = try client.hello()
      // Refused while the one before is on its way into the store.
      let deadline = Deadline.standard
      repeat {
        try client.send(.text("he"), to: name, number: 0)
      } while try isRefused(client, name) && !deadline.hasPassed
    }
    let everyone = Dictionary(uniqueKeysWithValues: names.map { ($0, UInt64?.none) })
    for number in 2..<20 {
      // What has just come is on its way to the disk when the hello is read.
      try client.send(.text("l"), to: "s7", number: UInt64(number))
      let welcome = try client.hello(everyone)
      #expect(welcome.streams.count == 8)
      for name in names.dropLast() {
        #expect(
          welcome.streams[name] == .init(expected: 2, closed: false, answers: 2), "\(name)")
      }
    }
    // They go on where they were.
    let other = try running.client()
    try other.send(.text("ll"), to: "s0", number: 2, flags: .end)
    while try isRefused(other, "s0") {
      try other.send(.text("ll"), to: "s0", number: 2, flags: .end)
    }
    try running.stop()
    let own = try running.output().filter { $0.stream == "s0" }
    #expect(own.map(\.label) == ["e", "l", "l", "o"])
  }

  /// Clients take a pong to say that every welcome before it has come.
  @Test func aPongDoesNotOvertakeAWelcomeThatWaits() throws {
    let running = try RunningPipeline(.hello, durability: "fsync")
    let client = try running.client()
    for number in 0..<40 {
      try client.send(.text("h"), to: "a", number: UInt64(number))
      try client.sendHello(["a": nil])
      try client.send(Header(kind: .ping), stream: "")
      var kinds: [MessageKind] = []
      while kinds.last != .pong {
        guard let message = try client.receiveAny(within: .seconds(60)) else {
          throw HarnessError.timedOut(waitingFor: "a pong", seen: "\(kinds)")
        }
        kinds.append(message.header.kind)
      }
      #expect(kinds.contains(.welcome), "\(kinds)")
    }
  }

  /// Waits for the first answer or refusal.
  private func isRefused(_ client: WireClient, _ name: String) throws -> Bool {
    while true {
      let message = try client.receive(waitingFor: "the fate of \(name)")
      switch message.header.kind {
      case .answer where message.stream == name: return false
      case .refuse:
        #expect(try message.refusal().code == .tooManyStreams)
        return true
      default: break
      }
    }
  }
}
