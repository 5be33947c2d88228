import Testing
import Wire

/// Answers that are asked for again and are not in the cache any more: `"cached":false`.
struct MissingAnswerTests {
  private static let row = [Float](repeating: 0.5, count: 9)

  private func credit(_ message: ReceivedMessage) throws -> Credit {
    try message.payload.withUnsafeBytes { try Credit(payload: $0) }
  }

  /// The next message for a stream that says that answers are gone: below which number, and whether the
  /// last one is.
  private func missing(of stream: String, _ client: WireClient) throws -> (
    below: UInt64, isClosed: Bool
  ) {
    while true {
      let message = try client.receive(.acknowledge, of: stream)
      let credit = try credit(message)
      if !credit.isCached { return (message.header.number, credit.isClosed) }
    }
  }

  /// Nothing says so before a ping that is sent now is answered.
  private func expectNoneMissing(of stream: String, _ client: WireClient) throws {
    #expect(try client.refusals().isEmpty)
    for message in client.acknowledgementsSoFar(of: stream) {
      #expect(try credit(message).isCached, "\(message)")
    }
  }

  /// A stream that is parked is shown without what is under way for it.
  private func waitUntilParked(_ stream: String, _ running: RunningPipeline) throws {
    let control = try running.control()
    let deadline = Deadline.standard
    while try control.done("{\"do\":\"streams.show\",\"stream\":\"\(stream)\"}")
      .number("under_way") != nil
    {
      guard !deadline.hasPassed else {
        throw HarnessError.timedOut(waitingFor: "\(stream) to be parked", seen: "")
      }
    }
  }

  /// A repeated message is looked up among the last 4,096 inputs and answers of its stream.
  @Test(arguments: WireClient.Form.allCases)
  func aMessageThatIsRepeatedTooLateIsToldSo(form: WireClient.Form) throws {
    let running = try RunningPipeline(.motion)
    let client = try running.client(form)
    func step(_ number: UInt64) throws {
      try client.send(.values([Self.row]), to: "a", number: number)
      _ = try client.answers(of: "a", steps: 1)
    }
    for number in UInt64(0)..<3 { try step(number) }
    try client.send(.values([Self.row]), to: "a", number: 0)
    #expect(try client.answers(of: "a", steps: 1).first?.header.number == 0)
    try expectNoneMissing(of: "a", client)
    for number in UInt64(3)..<2100 { try step(number) }
    try client.send(.values([Self.row, Self.row]), to: "a", number: 1)
    let missing = try missing(of: "a", client)
    #expect(missing.below == 3 && !missing.isClosed)
    // A later one is answered, and said nothing of.
    try client.send(.values([Self.row]), to: "a", number: 2000)
    #expect(try client.answers(of: "a", steps: 1).first?.header.number == 2000)
    try expectNoneMissing(of: "a", client)
  }

  /// A restart has what was not saved alone.
  @Test func aHelloForAnswersThatAreGoneIsToldSo() throws {
    let running = try RunningPipeline(.hello, durability: "os")
    let client = try running.client()
    try client.send(.text("hell"), to: "open", number: 0)
    try client.send(.text("hello"), to: "ended", number: 0, flags: .end)
    _ = try client.answers(of: "open", steps: 4)
    _ = try client.answersToEnd(of: "ended")
    // The store then has all that there is of them.
    for stream in ["open", "ended"] { try waitUntilParked(stream, running) }
    try running.stop()
    try running.start(0)
    let second = try running.client()
    let welcome = try second.hello(["open": 1, "ended": 0, "new": 0])
    #expect(welcome.streams["open"]?.expected == 4)
    let open = try missing(of: "open", second)
    #expect(open.below == 4 && !open.isClosed)
    let ended = try missing(of: "ended", second)
    #expect(ended.below == 5 && ended.isClosed)
    try expectNoneMissing(of: "new", second)
    // Who wants only what comes is told nothing, and the stream goes on.
    try second.hello(["open": 4, "ended": nil])
    try expectNoneMissing(of: "open", second)
    try expectNoneMissing(of: "ended", second)
    try second.send(.text("o"), to: "open", number: 4)
    #expect(try second.answers(of: "open", steps: 1)[0].header.number == 4)
    // Repeated data and a repeated END are told the same; what is in the cache is sent.
    try second.send(.text("hello"), to: "open", number: 0)
    #expect(try missing(of: "open", second).below == 4)
    #expect(try second.answers(of: "open", steps: 1)[0].header.number == 4)
    try second.send(.none, to: "ended", number: 5, flags: .end)
    #expect(try missing(of: "ended", second).isClosed)
    try running.stop()
  }

  /// The answers are lost with the connection, and their stream is parked before it is there again.
  @Test func aFilterSaysWhatItHasMissed() throws {
    let relayed = try RelayedPipe(durability: "os")
    let pipe = relayed.pipe
    relayed.relay.holdReplies()
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"l\"}\n".utf8))
    _ = try relayed.http.wait(for: "millrace_answers_total") { $0 == 3 }
    _ = try relayed.http.wait(for: "millrace_streams_active") { $0 == 0 }
    relayed.relay.fallSilent()
    try relayed.flowWhenGivenUp()
    try pipe.read(until: "what is missing") {
      $0.errorLines.contains { $0.contains("over-limit") }
    }
    pipe.write(Array("{\"stream\":\"a\",\"text\":\"l\",\"end\":true}\n".utf8))
    pipe.closeInput()
    #expect(try pipe.waitForExit() == 65)
    #expect(pipe.errorLines.count == 3)
    #expect(pipe.errorLines.contains { $0.contains("stream a number 3: over-limit") })
    let answers = try pipe.outputLines.map { try OutputLine($0) }.filter { $0.label != nil }
    #expect(answers.map(\.number) == [0, 1, 3])
    try relayed.running.stop()
    let written = try relayed.running.output().filter { $0.label != nil }
    #expect(written.map(\.number) == [0, 1, 2, 3])
  }
}
