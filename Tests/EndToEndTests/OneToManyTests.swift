import Testing
import Wire

/// One-to-many models: rows at the end of a stream, and none where nothing was in it.
struct OneToManyTests {
  private static let pipeline = PipelineText(
    tokenizer: "{ kind: values, scale: 255 }", model: "Fixtures/caption/model.keras",
    labels: "Fixtures/caption/labels.txt")

  private static let picture = (0..<64).map { Float($0) }

  @Test func anEmptyStreamEndsWithoutARow() throws {
    let running = try RunningPipeline(Self.pipeline)
    let client = try running.client()
    try client.send(.none, to: "empty", number: 0, flags: [.start, .end])
    // What a RESET leaves is as empty.
    try client.send(.values([Self.picture]), to: "reset", number: 0)
    try client.send(.none, to: "reset", number: 1, flags: [.reset, .end])
    try client.send(.values([Self.picture]), to: "full", number: 0, flags: .end)
    for stream in ["empty", "reset"] {
      let answers = try client.answersToEnd(of: stream)
      #expect(answers.map(\.header.count) == [0])
    }
    #expect(try client.answersToEnd(of: "full").map(\.header.count) == [3])
    // A new life behind it is like any other.
    try client.send(.values([Self.picture]), to: "empty", number: 0, flags: [.start, .end])
    #expect(try client.answersToEnd(of: "empty").map(\.header.count) == [3])
  }

  @Test func aPeekAtAnEmptyStreamHasNoRow() throws {
    let running = try RunningPipeline(Self.pipeline)
    let client = try running.client()
    try client.send(.none, to: "a", number: 0, flags: .start)
    try client.send(.none, to: "a", number: 0, flags: .peek)
    #expect(try client.receive(.answer, of: "a").header.count == 0)
    try client.send(.values([Self.picture]), to: "a", number: 0, flags: .peek)
    #expect(try client.receive(.answer, of: "a").header.count == 3)
    try client.send(.values([Self.picture]), to: "a", number: 0)
    try client.send(.none, to: "a", number: 1, flags: .peek)
    #expect(try client.receive(.answer, of: "a").header.count == 3)
  }

  @Test func aModelAloneGivesNoRowsOfNoSteps() throws {
    let model = Checkout.path("Fixtures/caption/model.keras")
    let empty = try ChildProcess.run(["model", "run", model, "--input", "-"], input: "")
    #expect(empty.exitCode == 0)
    #expect(empty.output.isEmpty)
  }

  /// `SimpleRNN(units=3, input_shape=(4, 9))`, like Keras itself, takes any number of steps.
  @Test func aModelOfFourStepsRunsOn() throws {
    let row = "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9\n"
    let pipe = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/simplernn-4x9.yaml"), "--csv"],
      input: String(repeating: row, count: 6))
    #expect(pipe.exitCode == 0)
    let lines = try pipe.outputLines.map { try OutputLine($0) }
    try #require(lines.count == 6)
    #expect(lines[5].values != lines[3].values)
  }

  @Test func aListOfOneNumberScalesOneColumnOnly() throws {
    let folder = try TemporaryFolder()
    func check(_ tokenizer: String) throws -> ChildProcess {
      var pipeline = Self.pipeline
      pipeline.tokenizer = tokenizer
      return try ChildProcess.run(
        ["check", try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))])
    }
    #expect(try check("{ kind: values, mean: 1, scale: 255 }").exitCode == 0)
    for wrong in ["mean: [1]", "scale: [1, 2]"] {
      let process = try check("{ kind: values, \(wrong) }")
      #expect(process.exitCode == 78)
      #expect(process.errorLines.first?.contains("expected 64") == true, "\(process.errorLines)")
    }
  }
}
