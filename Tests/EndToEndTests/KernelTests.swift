import Foundation
import Testing

/// The choice of kernels and number formats, from outside.
struct KernelTests {
  private static let names = ["portable", "avx2", "avx512", "avx512_bf16", "amx", "neon"]

  /// `pipe` over the words of a text with one instruction set; nil where the machine has it not.
  private func lines(_ kernels: String, precision: String) throws -> [String]? {
    let folder = try TemporaryFolder()
    var pipeline = PipelineText(
      tokenizer: "{ kind: words, vocabulary: \(Checkout.path("Fixtures/topics/vocabulary.txt")), "
        + "start-token: 1, unknown: 2, first-id: 3 }",
      model: "Fixtures/topics/model.keras", labels: "Fixtures/topics/labels.txt")
    pipeline.more = ["precision: \(precision)", "sink: { values: true }"]
    let path = try folder.write("p.yaml", pipeline.text(ingress: "ipc://\(folder.file("in"))"))
    let pipe = try ChildProcess.run(
      ["pipe", path], input: try Checkout.bytes("Fixtures/topics/input.jsonl"),
      variables: ["MILLRACE_KERNELS": kernels])
    if pipe.exitCode == 78 {
      #expect(kernels != "portable")
      #expect(
        pipe.errorLines.first?.hasPrefix("millrace: MILLRACE_KERNELS: is \"\(kernels)\"") == true)
      return nil
    }
    #expect(pipe.exitCode == 0, "\(pipe.errorLines)")
    // The order is promised for each stream, not between them.
    return pipe.outputLines.sorted()
  }

  @Test(arguments: ["f32", "int8"])
  func everyInstructionSetGivesTheSameBytes(precision: String) throws {
    let expected = try #require(try lines("portable", precision: precision))
    #expect(expected.count > 50)
    for kernels in Self.names {
      guard let lines = try lines(kernels, precision: precision) else { continue }
      #expect(lines == expected, "\(kernels)")
    }
    #expect(try lines("", precision: precision) == expected)
  }

  @Test func aLowerPrecisionGivesOtherNumbers() throws {
    let f32 = try #require(try lines("portable", precision: "f32"))
    for precision in ["bf16", "int8"] {
      let lower = try #require(try lines("portable", precision: precision))
      #expect(lower.count == f32.count && lower != f32)
    }
  }

  @Test func anUnknownInstructionSetIsRefusedInOneLine() throws {
    for command in [["model", "inspect", Checkout.path("Fixtures/hello/model.keras")]] {
      let run = try ChildProcess.run(command, variables: ["MILLRACE_KERNELS": "mmx"])
      #expect(run.exitCode == 78)
      #expect(run.errorLines.count == 1)
      #expect(run.errorLines[0].contains("is \"mmx\", expected one that this machine has: "))
    }
  }

  // MARK: model inspect

  @Test func inspectSaysTheSameInJSON() throws {
    struct Inspection: Decodable {
      struct Model: Decodable {
        struct Layer: Decodable {
          var kind: String
          var output: Int
          var state: Int
        }
        var layers: [Layer]
        var parameters: Int
        var stateBytes: Int
        var tokenTableBytes: Int
        var sha256: String
      }
      struct Rate: Decodable {
        var alone: Double
        var together: Double
        var kernels: String
      }
      var model: Model
      var rate: Rate
    }
    let file = Checkout.path("Fixtures/topics/model.keras")
    let run = try ChildProcess.run(["model", "inspect", file, "--json"])
    #expect(run.outputLines.count == 1)
    let inspection = try JSONDecoder().decode(
      Inspection.self, from: Data(run.outputLines.joined().utf8))
    #expect(inspection.model.layers.map(\.kind) == ["Embedding", "LSTM", "Dense"])
    #expect(inspection.model.layers.map(\.output) == [64, 96, 46])
    #expect(inspection.model.layers.map(\.state) == [0, 192, 0])
    // 1000 * 64, 4 * 96 * (64 + 96 + 1), 97 * 46
    #expect(inspection.model.parameters == 64_000 + 61_824 + 4_462)
    #expect(inspection.model.stateBytes == 768)
    #expect(inspection.model.tokenTableBytes == 1000 * 4 * 96 * 4)
    #expect(inspection.rate.alone > 0 && inspection.rate.together > 0)
    #expect(Self.names.contains(inspection.rate.kernels))
    let text = try ChildProcess.run(["model", "inspect", file]).outputLines.joined(separator: "\n")
    #expect(text.contains(inspection.model.sha256))
    #expect(text.contains("1536000 bytes"))
  }

  // MARK: model verify

  private func verify(_ arguments: [String], model: String = "golden/k_lstm_seq") throws
    -> ChildProcess
  {
    try ChildProcess.run(
      ["model", "verify", Checkout.path("Fixtures/\(model)/model.keras")] + arguments)
  }

  @Test func verifyProvesAModel() throws {
    let steps = Checkout.path("Fixtures/golden/k_lstm_seq/steps.jsonl")
    let run = try verify(["--input", steps, "--expect", steps, "--precision", "int8"])
    #expect(run.exitCode == 0)
    #expect(run.outputLines.count == 7)
    #expect(run.outputLines.filter { $0.hasSuffix("same bits") }.count == 3)
    #expect(run.outputLines.last == "right")
    #expect(try verify([], model: "golden/k_repeat_vector").exitCode == 0)
  }

  @Test func verifyFailsOnAnotherModelsAnswers() throws {
    let steps = Checkout.path("Fixtures/golden/k_lstm_seq/steps.jsonl")
    let folder = try TemporaryFolder()
    let changed = try Checkout.text("Fixtures/golden/k_lstm_seq/steps.jsonl")
      .replacingOccurrences(of: "\"y\": [0.", with: "\"y\": [0.9")
    let expected = try folder.write("expected.jsonl", changed)
    let run = try verify(["--input", steps, "--expect", expected])
    #expect(run.exitCode == 1)
    #expect(run.outputLines.last == "WRONG")
  }

  @Test func verifyNamesTheLineThatDoesNotFit() throws {
    let folder = try TemporaryFolder()
    let steps = try folder.write("steps.jsonl", "{\"t\":0,\"x\":[1,2]}\n")
    let run = try verify(["--input", steps])
    #expect(run.exitCode == 65)
    #expect(
      run.errorLines == [
        "millrace: \(steps):1: x is a list of 2 numbers, expected a list of 4 numbers"
      ])
    #expect(try verify(["--input", folder.file("none")]).exitCode == 66)
    #expect(try verify(["--expect", steps]).exitCode == 64)
  }
}
