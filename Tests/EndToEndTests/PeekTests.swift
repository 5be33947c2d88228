import Testing
import Wire

/// PEEK: an answer without a step.
struct PeekTests {
  private func peek(_ data: InputData, at number: UInt64, of stream: String, _ client: WireClient)
    throws -> ReceivedMessage
  {
    try client.send(data, to: stream, number: number, flags: .peek)
    let answer = try client.receive(.answer, of: stream)
    #expect(answer.header.flags == .peek)
    return answer
  }

  @Test func itAnswersWhatTheStepWouldAnswer() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    _ = try client.hello()
    try client.send(.text("he"), to: "a", number: 0)
    var real = try client.answers(of: "a", steps: 2).flatMap(\.rows)
    // Twice the same, and nothing is advanced.
    let first = try peek(.text("ll"), at: 2, of: "a", client)
    #expect(first.rows.count == 2)
    #expect(try peek(.text("ll"), at: 2, of: "a", client).rows == first.rows)
    let other = try peek(.text("o"), at: 2, of: "a", client)
    #expect(other.rows.count == 1 && other.rows != [first.rows[0]])
    try client.send(.text("ll"), to: "a", number: 2, flags: .end)
    let rest = try client.answersToEnd(of: "a").flatMap(\.rows)
    #expect(rest == first.rows)
    real += rest
    // As if nobody had peeked.
    try client.send(.text("hell"), to: "b", number: 0, flags: .end)
    #expect(try client.answersToEnd(of: "b").flatMap(\.rows) == real)
    try running.stop()
  }

  @Test func aWordThatIsNotCompleteIsSeenAsIfItWere() throws {
    let pipeline = PipelineText(
      tokenizer: "{ kind: words, vocabulary: \(Checkout.path("Fixtures/topics/vocabulary.txt")), "
        + "start-token: 1, unknown: 2, first-id: 3 }",
      model: "Fixtures/topics/model.keras", labels: "Fixtures/topics/labels.txt")
    let running = try RunningPipeline(pipeline)
    let client = try running.client()
    _ = try client.hello()
    try client.send(.text("oi"), to: "a", number: 0)
    // The start token is a step of its own.
    let start = try client.answers(of: "a", steps: 1).flatMap(\.rows)
    let early = try peek(.none, at: 2, of: "a", client)
    try client.send(.text("oi"), to: "b", number: 0, flags: .end)
    let whole = try client.answersToEnd(of: "b").flatMap(\.rows)
    #expect(early.rows.last == whole.last)
    try client.send(.text("l prices"), to: "a", number: 2, flags: .end)
    try client.send(.text("oil prices"), to: "c", number: 0, flags: .end)
    let answers = try start + client.answersToEnd(of: "a").flatMap(\.rows)
    #expect(try client.answersToEnd(of: "c").flatMap(\.rows) == answers)
    try running.stop()
  }

  @Test func itGoesToTheOneWhoAskedAlone() throws {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText.hello
    pipeline.sink = ["file: \(folder.file("out.jsonl"))"]
    let running = try RunningPipeline(pipeline)
    let client = try running.client(.friendly)
    try client.send(.text("h"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 1)
    let peeked = try peek(.text("e"), at: 1, of: "a", client)
    #expect(peeked.text.contains("\"number\":1,\"token\":\"e\",\"label\":\"l\""))
    try client.send(.none, to: "a", number: 1, flags: .end)
    _ = try client.answersToEnd(of: "a")
    try running.stop()
    #expect(try folder.lines(of: "out.jsonl").count == 1)
  }

  @Test func whatCannotBeLookedAtIsRefused() throws {
    let running = try RunningPipeline(.hello)
    let client = try running.client()
    _ = try client.hello()
    func refusal(_ number: UInt64, flags: MessageFlags = .peek) throws -> Refusal {
      try client.send(.text("e"), to: "a", number: number, flags: flags)
      let message = try client.receive(.refuse, of: "a")
      return try message.payload.withUnsafeBytes { try Refusal(payload: $0) }
    }
    #expect(try refusal(0).code == .noStart)
    try client.send(.text("h"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 1)
    let gap = try refusal(5)
    #expect(gap.code == .gap && gap.expected == "1")
    #expect(try refusal(1, flags: [.peek, .end]).code == .badHeader)
    // Nothing of it used a number up.
    try client.send(.text("e"), to: "a", number: 1, flags: .end)
    #expect(try client.answersToEnd(of: "a").flatMap(\.rows).count == 1)
    try running.stop()
  }
}
