import Testing
import Wire

/// Streams that leave memory while they are idle.
struct ParkTests {
  /// Ten streams take turns in a daemon that has room for three.
  @Test(arguments: [false, true])
  func streamsBeyondTheLimitAreParkedNotLost(isSplit: Bool) throws {
    var pipeline = PipelineText.hello
    pipeline.more = ["limits: { live-streams: 3 }"]
    let running = try RunningPipeline(pipeline, isSplit: isSplit, durability: "os")
    let client = try running.client()
    try client.hello()
    let names = (0..<10).map { "s\($0)" }
    for (number, character) in "hell".enumerated() {
      for name in names {
        try send(String(character), number: UInt64(number), to: name, client)
      }
    }
    try running.stop()
    let written = try running.output()
    for name in names {
      let own = written.filter { $0.stream == name }
      #expect(own.map(\.number) == [0, 1, 2, 3])
      #expect(own.map(\.label) == ["e", "l", "l", "o"], "\(name)")
    }
  }

  /// A second question leans on the first; between them the stream leaves memory for another one.
  @Test func aConversationIsParkedBetweenItsTurns() throws {
    let turns = [
      ("minsu", "서울 날씨 어때?"), ("jiyeon", "제주 축제 언제야?"), ("minsu", "부산은?"), ("jiyeon", "부산은?"),
    ]
    /// What the sink wrote of each, in a daemon with room for so many of them.
    func written(liveStreams: Int) throws -> [String: [OutputLine]] {
      var pipeline = PipelineText(
        tokenizer:
          "{ kind: characters, vocabulary: \(Checkout.path("Fixtures/dialogue/vocabulary.txt")) }",
        model: "Fixtures/dialogue/model.keras", labels: "Fixtures/dialogue/labels.txt")
      pipeline.more = ["limits: { live-streams: \(liveStreams) }"]
      let running = try RunningPipeline(pipeline, durability: "os")
      let client = try running.client()
      try client.hello()
      var numbers: [String: UInt64] = [:]
      for (name, text) in turns {
        // Character by character, so that each message is answered by one message.
        for character in text {
          let number = numbers[name, default: 0]
          try send(String(character), number: number, to: name, client)
          numbers[name] = number + UInt64(String(character).utf8.count)
        }
      }
      try running.stop()
      return Dictionary(grouping: try running.output(), by: { $0.stream })
    }
    let parked = try written(liveStreams: 1)
    #expect(parked["minsu"]?.last?.label == "부산 날씨")
    #expect(parked["jiyeon"]?.last?.label == "부산 축제")
    // The same bits as of streams that stayed.
    #expect(try parked == written(liveStreams: 10))
  }

  /// Sends until it is answered: a stream that has just been answered may be on its way into the store,
  /// and in nobody's way a moment later.
  private func send(_ text: String, number: UInt64, to name: String, _ client: WireClient) throws {
    let deadline = Deadline.standard
    while true {
      try client.send(.text(text), to: name, number: number)
      var message = try client.receive(deadline, waitingFor: "step \(number) of \(name)")
      while message.header.kind == .acknowledge {
        message = try client.receive(deadline, waitingFor: "step \(number) of \(name)")
      }
      if message.header.kind == .answer { return }
      let refusal = try message.refusal()
      #expect(refusal.code == .tooManyStreams && refusal.retry, "\(refusal)")
    }
  }
}
