import Testing
import Wire

/// A client that sends and does not read: the daemon's memory stays flat, others go on, and nothing
/// that was accepted is lost.
struct UnreadTests {
  enum Flood: CaseIterable {
    /// Steps without regard to credit.
    case steps
    /// The same steps over and over: each time they are answered from the cache.
    case duplicates
    /// Messages that are refused without any credit.
    case faults
    /// Lives that end at once, which take no credit.
    case ends
    case pings
    /// Greetings that ask for old answers.
    case hellos
  }

  private static let pipeline = PipelineText(
    tokenizer: "{ kind: one-hot }", model: "Fixtures/hello/model.keras")

  private static func send(_ flood: Flood, _ index: Int, by client: WireClient) throws -> Bool {
    let steps = InputData.ids([0, 1, 2, 2, 3, 0, 1, 2])
    switch flood {
    case .steps: return try client.send(steps, to: "a", number: UInt64(index * steps.count))
    case .duplicates: return try client.send(steps, to: "a", number: 0)
    case .faults: return try client.send(steps, to: "no/name", number: 0)
    case .ends: return try client.send(.none, to: "life-\(index)", number: 0, flags: .end)
    case .hellos: return try client.sendHello(["a": 0, "life-\(index)": nil])
    case .pings: return try client.send(Header(kind: .ping), stream: "")
    }
  }

  @Test("fault 23: memory stays flat while a client does not read", arguments: Flood.allCases)
  func memoryStaysFlatAndWhatWasAcceptedIsAnswered(flood: Flood) throws {
    let running = try RunningPipeline(Self.pipeline)
    let observer = try running.client()
    var observed: UInt64 = 0
    func observe() throws {
      try observer.send(.ids([0]), to: "observer", number: observed)
      _ = try observer.answers(of: "observer", steps: 1)
      observed += 1
    }
    let client = try WireClient(running.ingress, queueMessages: 100)
    func flooded(_ messages: Range<Int>) throws -> Int {
      for index in messages {
        // A full queue empties as the daemon reads; the observer's answer is the clock, and shows
        // that the daemon serves others.
        while try !Self.send(flood, index, by: client) { try observe() }
      }
      try observe()
      return try running.daemon.process.residentKiB()
    }
    // The first part fills every queue up to its bound.
    let before = try flooded(0..<30_000)
    let after = try flooded(30_000..<60_000)
    if !Checkout.isSanitized {
      #expect(after - before < 8 * 1024, "from \(before) KiB to \(after) KiB")
    }
    // It reads again, and says hello when it has heard all, or was told to.
    var numbers: [UInt64] = []
    var welcome: Welcome?
    try client.sendHello(["a": nil])
    while welcome == nil {
      guard let message = try client.receiveAny(within: .seconds(1)) else {
        try client.sendHello(["a": nil])
        continue
      }
      if message.header.kind == .answer, message.stream == "a" {
        numbers += (0..<UInt64(message.header.count)).map { message.header.number + $0 }
      }
      if message.header.kind == .welcome {
        welcome = try message.payload.withUnsafeBytes { try Welcome(payload: $0) }
      }
    }
    if flood == .steps {
      let expected = welcome?.streams["a"]?.expected ?? 0
      #expect(expected >= 1024)
      #expect(numbers == Array(0..<expected))
      try client.send(.ids([0]), to: "a", number: expected)
      #expect(try client.answers(of: "a", steps: 1)[0].header.number == expected)
    }
  }

  /// A sender that keeps to its credit stops by itself, and has every answer when it reads.
  @Test(
    "fault 23: a client that does not read stops by its credit and loses nothing",
    arguments: WireClient.Form.allCases)
  func aSenderWithinItsCreditStopsAndLosesNothing(form: WireClient.Form) throws {
    let running = try RunningPipeline(Self.pipeline)
    let client = try WireClient(running.ingress, form: form, queueMessages: 10)
    try client.hello()
    let steps = 20_000
    var sent = 0
    var numbers: [UInt64] = []
    while numbers.count < steps {
      while client.sent < client.credit, sent < steps,
        try client.send(.ids([Int32(sent % 5)]), to: "a", number: UInt64(sent))
      {
        sent += 1
      }
      // What it has sent is covered or waits; only then does it read, all there is.
      guard var message = try client.receiveAny(within: .seconds(60)) else {
        throw HarnessError.timedOut(waitingFor: "credit", seen: "\(sent) sent")
      }
      while true {
        if message.header.kind == .answer {
          let count = form == .binary ? UInt64(message.header.count) : 1
          numbers += (0..<count).map { message.header.number + $0 }
        }
        guard let next = try client.receiveAny(within: .zero) else { break }
        message = next
      }
    }
    #expect(numbers == Array(0..<UInt64(steps)))
  }
}
