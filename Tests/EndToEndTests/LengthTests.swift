import Testing
import Wire

/// `limits: { max-steps: N }`.
struct LengthTests {
  private func pipeline(_ pipeline: PipelineText) -> PipelineText {
    var pipeline = pipeline
    pipeline.more = ["limits: { max-steps: 4 }"]
    return pipeline
  }

  /// However the text is cut, four letters are answered and the rest is refused.
  @Test(arguments: [
    ["hellohello"], ["hel", "lohe", "llo"], ["hell", "o", "hello"], ["h", "ellohello"],
  ])
  func textBeyondItIsRefused(parts: [String]) throws {
    let running = try RunningPipeline(pipeline(.hello))
    let client = try running.client()
    _ = try client.hello()
    var number: UInt64 = 0
    for (index, part) in parts.enumerated() {
      try client.send(
        .text(part), to: "a", number: number, flags: index + 1 == parts.count ? .end : [])
      number += UInt64(part.utf8.count)
    }
    var refused: [Header] = []
    var refusals: [Refusal] = []
    while refused.last?.input != number {
      let message = try client.receive(.refuse, of: "a")
      refused.append(message.header)
      refusals.append(try message.refusal())
    }
    #expect(refusals.allSatisfy { $0.code == .tooManySteps })
    // Together they are the answer to each byte behind the four.
    #expect(refused.first?.number == 4)
    #expect(zip(refused, refused.dropFirst()).allSatisfy { $0.input == $1.number })
    let answers = try client.answersToEnd(of: "a")
    #expect(answers.flatMap(\.rows).count == 4)
    // After the END the next life has room again.
    try client.send(.text("hell"), to: "a", number: 0, flags: [.start, .end])
    #expect(try client.answersToEnd(of: "a").flatMap(\.rows) == answers.flatMap(\.rows))
    try running.stop()
  }

  @Test func theRefusalSaysWhichStepsAndResetMakesRoom() throws {
    var motion = pipeline(.motion)
    motion.labels = nil
    let running = try RunningPipeline(motion)
    let client = try running.client()
    _ = try client.hello()
    let row = [Float](repeating: 0.5, count: 9)
    try client.send(.values([row, row, row]), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 3)
    try client.send(.values([row, row, row]), to: "a", number: 3)
    let refused = try client.receive(.refuse, of: "a")
    let refusal = try refused.refusal()
    #expect(refusal.code == .tooManySteps && refusal.expected == "at most 4")
    #expect(refusal.received == "6" && !refusal.retry)
    #expect(refused.header.number == 4 && refused.header.input == 6)
    #expect(try client.answers(of: "a", steps: 1).flatMap(\.rows).count == 1)
    // A question beyond it is refused as a whole.
    try client.send(.values([row]), to: "a", number: 6, flags: .peek)
    let question = try client.receive(.refuse, of: "a")
    #expect(try question.refusal().code == .tooManySteps && question.header.input == 0)
    try client.send(.values([row, row]), to: "a", number: 6, flags: [.reset, .end])
    let rest = try client.answersToEnd(of: "a")
    #expect(rest.flatMap(\.rows).count == 2 && rest.first?.header.number == 6)
    try running.stop()
  }
}
