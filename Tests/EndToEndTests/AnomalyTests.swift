import Foundation
import Testing
import Wire

/// `output` and `anomaly`: what becomes of a forecast before it is an answer.
struct AnomalyTests {
  private static let pipeline = PipelineText(
    tokenizer: "{ kind: values, scaling: \(Checkout.path("Fixtures/taxi/scaling.json")) }",
    model: "Fixtures/taxi/model.keras",
    more: [
      "output: { scaling: \(Checkout.path("Fixtures/taxi/scaling.json")) }",
      "anomaly: { window: 50, recent: 2, warm-up: 10 }",
    ])

  private func rows(_ range: Range<Int>) throws -> InputData {
    let lines = try Checkout.lines("Fixtures/taxi/passengers.csv")[range]
    return .values(lines.map { [Float($0) ?? .nan] })
  }

  @Test func theScoreIsTheLastValueAndAPeekSeesIt() throws {
    let running = try RunningPipeline(Self.pipeline)
    let client = try running.client()
    _ = try client.hello()
    try client.send(rows(0..<60), to: "a", number: 0)
    let answers = try client.answers(of: "a", steps: 60).flatMap(\.rows)
    #expect(answers.allSatisfy { $0.count == 2 })
    #expect(answers.prefix(10).allSatisfy { $0[1] == 0 })
    #expect(answers.contains { $0[1] > 0.1 })
    // Looking changes neither h nor the errors.
    for _ in 0..<2 {
      try client.send(rows(60..<61), to: "a", number: 60, flags: .peek)
      let peeked = try client.receive(.answer, of: "a").rows
      try client.send(.values([[1e6]]), to: "a", number: 60, flags: .peek)
      let wild = try client.receive(.answer, of: "a").rows
      #expect(peeked.count == 1 && wild.count == 1 && wild[0][1] > peeked[0][1])
    }
    try client.send(rows(60..<90), to: "a", number: 60, flags: .end)
    let rest = try client.answersToEnd(of: "a").flatMap(\.rows)
    try client.send(rows(0..<90), to: "b", number: 0, flags: .end)
    #expect(try client.answersToEnd(of: "b").flatMap(\.rows) == answers + rest)
    // RESET forgets the errors with h.
    try client.send(rows(0..<30), to: "c", number: 0)
    _ = try client.answers(of: "c", steps: 30)
    try client.send(rows(0..<90), to: "c", number: 30, flags: [.reset, .end])
    #expect(try client.answersToEnd(of: "c").flatMap(\.rows) == answers + rest)
    try running.stop()
  }

  @Test(arguments: [
    ("output: { mean: 1 }\nlabels: \(Checkout.path("Fixtures/hello/labels.txt"))", "softmax"),
    ("anomaly: { window: 100 }", "but the model ends in a softmax"),
  ])
  func classesHaveNeither(lines: String, words: String) throws {
    var pipeline = PipelineText.hello
    pipeline.labels = nil
    pipeline.more = [lines]
    try check(pipeline, says: words)
  }

  @Test(arguments: [
    ("anomaly: { input: 1 }", "looks at input 1, expected one of 0 to 0"),
    ("anomaly: { output: 2 }", "looks at output 2, expected one of 0 to 0"),
    ("anomaly: { window: 20, recent: 21 }", "expected at most \"window\", 20"),
    ("anomaly: { widow: 20 }", "did you mean \"window\"?"),
    ("output: { mean: [1, 2] }", "\"mean\" has 2 values, expected 1"),
    ("output: { scale: 0 }", "the scale of column 0 is 0"),
    ("output: {}", "expected mean and scale, or scaling: FILE"),
    ("output: { mean: 1, scaling: x.json }", "keep one"),
    ("output: { scaling: x.json }", "x.json, which"),
  ])
  func whatDoesNotFitIsNamed(line: String, words: String) throws {
    var pipeline = Self.pipeline
    pipeline.more = [line]
    try check(pipeline, says: words)
  }

  private func check(_ pipeline: PipelineText, says words: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let check = try ChildProcess.run(["check", path], input: "")
    #expect(check.exitCode == 78)
    #expect(check.errorLines.contains { $0.contains(words) }, "\(check.errorLines)")
  }
}
