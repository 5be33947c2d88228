import Foundation
import Testing

/// `emit: { generate: ... }`.
struct GenerateTests {
  private func pipeline(_ generate: String, more: [String] = []) -> PipelineText {
    var pipeline = PipelineText.hello
    pipeline.more = ["emit: { generate: { \(generate) } }"] + more
    return pipeline
  }

  private func run(_ pipeline: PipelineText, _ input: String) throws -> ChildProcess {
    let folder = try TemporaryFolder()
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    return try ChildProcess.run(["pipe", path], input: input)
  }

  private func tokens(_ run: ChildProcess) throws -> String {
    #expect(run.exitCode == 0, "\(run.errorLines)")
    return try run.outputLines.map { try OutputLine($0).token ?? "?" }.joined()
  }

  @Test func greedyFeedsTheLabelBack() throws {
    // The labels that a user would feed back by hand.
    let byHand = try ChildProcess.run(
      ["pipe", Checkout.path("Pipelines/hello.yaml")], input: "hello")
    let labels = try byHand.outputLines.map { try OutputLine($0).label ?? "?" }
    let generated = try run(pipeline("steps: 4"), "h")
    #expect(try tokens(generated) == labels.prefix(4).joined())
    // And the scores of each step, to the last digit.
    #expect(
      try generated.outputLines.map { try OutputLine($0).score }
        == byHand.outputLines.prefix(4).map { try OutputLine($0).score })
    #expect(try generated.outputLines.map { try OutputLine($0).number } == [0, 1, 2, 3])
    #expect(
      generated.outputLines.map { $0.contains("\"end\":true") } == [false, false, false, true])
  }

  @Test func untilEndsItAndIsNoAnswer() throws {
    #expect(try tokens(run(pipeline("steps: 9, until: o"), "h")) == "ell")
    #expect(try tokens(run(pipeline("steps: 9, until: e"), "h")) == "")
  }

  @Test func aSeedGivesTheSameTextWhoeverShares() throws {
    let pipeline = pipeline("steps: 40, sample: temperature, temperature: 5, seed: 11")
    let alone = try tokens(run(pipeline, "h"))
    #expect(alone.count == 40)
    var lines: [String] = []
    for index in 0..<30 {
      lines.append(
        "{\"stream\":\"s\(index)\",\"text\":\"\(index % 3 == 0 ? "h" : "he")\",\"end\":true}")
    }
    let together = try run(pipeline, lines.joined(separator: "\n") + "\n")
    #expect(together.outputLines.count == 30 * 40)
    let streams = Dictionary(
      grouping: try together.outputLines.map { try OutputLine($0) }, by: { $0.stream })
    for index in stride(from: 0, to: 30, by: 3) {
      #expect(streams["s\(index)"]?.map { $0.token ?? "?" }.joined() == alone, "s\(index)")
    }
    let other = try tokens(
      run(self.pipeline("steps: 40, sample: temperature, temperature: 5, seed: 12"), "h"))
    #expect(other != alone)
  }

  @Test func aStreamWithoutAStepHasNoAnswer() throws {
    let run = try run(pipeline("steps: 4"), "{\"stream\":\"a\",\"end\":true}\n")
    #expect(run.exitCode == 0)
    #expect(run.outputLines.isEmpty)
  }

  /// From the prompt's own state, beside others that generate; the scores are those of the way taken.
  @Test func aBeamOverAModelThatIsSureIsGreedy() throws {
    let greedy = try run(pipeline("steps: 9, until: o"), "h")
    let beam = try run(pipeline("steps: 9, until: o, sample: beam, width: 3"), "h")
    #expect(try tokens(beam) == "ell")
    #expect(
      try beam.outputLines.map { try OutputLine($0).score }
        == greedy.outputLines.map { try OutputLine($0).score })
    // The likeliest sentence may be the empty one.
    #expect(try tokens(run(pipeline("steps: 9, until: e, sample: beam, width: 2"), "h")) == "")
  }

  /// A life behind a life that still generates waits for it.
  @Test func theNextLifeWaitsForTheGeneration() throws {
    let line = "{\"stream\":\"a\",\"text\":\"h\",\"end\":true}\n"
    let run = try run(pipeline("steps: 20"), line + line + line)
    #expect(run.exitCode == 0)
    let numbers = try run.outputLines.map { try OutputLine($0).number }
    #expect(numbers == Array(0..<20) + Array(0..<20) + Array(0..<20))
  }

  @Test(arguments: [
    ("steps: 0", "\"emit.generate.steps\" is \"0\""),
    ("until: o", "\"emit.generate.steps\" is missing"),
    ("steps: 3, until: z", "\"emit\" names the token \"z\", which the vocabulary has not"),
    ("steps: 3, until: 9", "names token 9, expected one of 0 to 4"),
    ("steps: 3, k: 2", "\"emit.generate.k\" goes with sample: top-k, not greedy"),
    ("steps: 3, sample: top-k, k: 2, p: 0.5", "goes with sample: top-p, not top-k"),
    ("steps: 3, sample: top-k", "\"emit.generate.k\" is missing"),
    ("steps: 3, temperature: 2", "does not go with sample: greedy"),
    ("steps: 3, sample: top-p, p: 2", "expected a number from 0.0 to 1.0"),
    ("steps: 3, sample: bream", "expected one of greedy, temperature, top-k, top-p, beam"),
    ("steps: 3, sample: beam", "\"emit.generate.width\" is missing"),
    ("steps: 3, sample: beam, width: 17", "expected a whole number from 2 to 16"),
    ("steps: 300, sample: beam, width: 2", "expected at most 256 with sample: beam"),
    ("steps: 3, sample: beam, width: 2, seed: 1", "does not go with sample: beam"),
    ("steps: 3, sample: beam, width: 2, k: 1", "goes with sample: top-k, not beam"),
    ("steps: 3, width: 2", "goes with sample: beam, not greedy"),
    ("steps: 3, length-power: 1", "goes with sample: beam, not greedy"),
  ])
  func contradictionsAreNamed(generate: String, words: String) throws {
    let run = try run(pipeline(generate), "h")
    #expect(run.exitCode == 78)
    #expect(run.errorLines.count == 1)
    #expect(run.errorLines.first?.contains(words) == true, "\(run.errorLines)")
  }

  @Test func aModelThatCannotBeFedBackIsRefused() throws {
    var motion = PipelineText.motion
    motion.more = ["emit: { generate: { steps: 3 } }"]
    let run = try run(motion, "")
    #expect(run.exitCode == 78)
    #expect(run.errorLines.first?.contains("feeds answers back, but the model has") == true)
  }
}
