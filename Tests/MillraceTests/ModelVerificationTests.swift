import ModelFiles
import Recurrence
import Testing

@testable import Millrace

/// `millrace model verify` on a model whose numbers are known.
struct ModelVerificationTests {
  /// h = tanh(x + h / 2).
  private func model() throws -> Model {
    let cell = SimpleRNNCell(
      name: "rnn", units: 2, kernel: Matrix(rows: 1, columns: 2, values: [1, -1]),
      recurrentKernel: Matrix(rows: 2, columns: 2, values: [0.5, 0, 0, 0.5]), bias: nil,
      activation: .tanh, returnSequences: true, zeroOutputForMask: false)
    return try Model(layers: [.simpleRNN(cell)], input: .vectors(width: 1), name: "m")
  }

  private func verify(_ text: String, tolerance: Float = 1e-5, precision: Precision = .f32) throws
    -> ModelVerification
  {
    let lines = try RecordedStep.lines(of: text, file: "steps.jsonl")
    return try ModelVerification(
      model(), precision: precision, lines: lines, expected: lines, tolerance: tolerance)
  }

  @Test func rightAnswersPass() throws {
    // tanh(1), tanh(tanh(1) / 2)
    let verification = try verify(
      """
      {"t":0,"x":[1],"y":[0.76159416,-0.76159416]}
      {"t":1,"x":[0],"y":[0.36339962,-0.36339962]}

      """)
    #expect(verification.passes)
    #expect(verification.checks.count == 4)
    #expect(verification.checks.allSatisfy { $0.answers == 2 && $0.difference < 1e-6 })
    #expect(verification.text.hasSuffix("right"))
  }

  @Test func aWrongAnswerFails() throws {
    let verification = try verify(#"{"t":0,"x":[1],"y":[0.7617,-0.76159416]}"#)
    #expect(!verification.passes)
    #expect(verification.checks.filter { !$0.passes }.map(\.name) == ["expected answers"])
    #expect(verification.text.contains("ABOVE"))
  }

  @Test func anAnswerOfAnotherWidthFails() throws {
    #expect(try !verify(#"{"t":0,"x":[1],"y":[0.76159416]}"#).passes)
  }

  /// Answers that a file recorded must come again to the last bit.
  @Test func theProbeOfAFileIsRunAgain() throws {
    let model = try model()
    let lines = try RecordedStep.lines(of: #"{"t":0,"x":[1]}"#, file: "steps.jsonl")
    let inputs: [Float] = [1, 0, -0.5]
    let answers = try #require(ModelProbe(inputs: inputs, expected: []).answers(of: model))
    var changed = answers
    changed[3] = changed[3].nextUp
    for (expected, passes) in [(answers, true), (changed, false), ([], false)] {
      let verification = try ModelVerification(
        model, precision: .f32, lines: lines,
        probe: ModelProbe(inputs: inputs, expected: expected), expected: [], tolerance: 0)
      #expect(
        verification.checks.filter { !$0.passes }.map(\.name)
          == (passes ? [] : ["probe in the file"]))
      #expect(verification.checks.last?.answers == expected.count / 2)
    }
  }

  @Test func lowerPrecisionIsComparedWithF32() throws {
    let verification = try verify(#"{"t":0,"x":[0.3]}"#, precision: .bf16)
    let check = try #require(verification.checks.last)
    #expect(check.name == "bf16, f32" && check.agreeing == 1 && check.passes)
    #expect(check.difference > 0 && check.difference < 1e-2)
  }

  @Test func aLineThatDoesNotFitIsNamed() {
    #expect {
      try verify("{\"t\":0,\"x\":[1]}\n{\"t\":1,\"x\":[1,2]}")
    } throws: {
      "\($0)" == "steps.jsonl:2: x is a list of 2 numbers, expected a list of 1 numbers"
    }
  }
}
