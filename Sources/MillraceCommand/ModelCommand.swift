import ArgumentParser
import Foundation
import Millrace
import ModelFiles
import Recurrence

struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "Look at a model file, run it alone, or have a daemon go on with it.",
    discussion: """
      EXAMPLES:
        millrace model inspect model.keras
        millrace model verify model.keras
        millrace model swap model.keras pipeline.yaml --policy carry
      """,
    subcommands: [
      Inspect.self, Run.self, Verify.self, Swap.self, Show.self, ConvertCommand.self,
      ReadApartCommand.self,
    ])

  struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a model's layers, shapes, parameters and state.",
      discussion: """
        EXAMPLES:
          millrace model inspect model.keras
          millrace model inspect model.onnx --json
        """)

    @OptionGroup var model: ModelArgument

    @Flag(help: "One JSON object instead of a table.")
    var json = false

    private struct Inspection: Encodable {
      let model: ModelSummary
      /// Of a file that holds an encoder, which is `model`, and a decoder.
      let decoder: ModelSummary?
      let rate: StepRate
      let loadMilliseconds: Double
    }

    func run() async throws {
      try await failing {
        let clock = ContinuousClock()
        let began = clock.now
        let loaded = try model.load(forSteppingOnly: true)
        let milliseconds = (clock.now - began) / .milliseconds(1)
        let inspection = Inspection(
          model: ModelSummary(loaded), decoder: loaded.decoderAlone.map { ModelSummary($0) },
          rate: try StepRate(loaded.model),
          loadMilliseconds: milliseconds)
        guard json else {
          print("\(inspection.model.text)\n\nspeed  \(inspection.rate.text)")
          if let decoder = inspection.decoder {
            print("\ndecoder, which begins with that state:\n\n\(decoder.text)\n")
          }
          return print("loaded in \(Int(inspection.loadMilliseconds.rounded())) ms")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(inspection), as: UTF8.self))
      }
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Run recorded steps through a model: {\"t\":n,\"x\":[...]} in, {\"t\":n,\"y\":[...]} out.",
      discussion: """
        EXAMPLES:
          millrace model run model.keras --input steps.jsonl
        """)

    @OptionGroup var model: ModelArgument

    @Option(help: "The steps, one JSON object a line; - is standard input.")
    var input: String

    func run() async throws {
      try await failing {
        let model = try model.load(forSteppingOnly: true).model
        try ModelRun.run(model, lines: try ModelCommand.recording(input), file: input) {
          try StandardOutput.write($0)
        }
      }
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prove that stepping a model gives what the whole sequence gives.",
      discussion: """
        Compares the whole sequence with single steps, the fast kernels with the plain layers, and \
        a state that is cut and resumed after each step with one that is not: all must have the \
        same bits. With --expect, the answers with recorded ones. With --precision, the answers in \
        bf16 or int8 with those in f32, on your own input. Exits with 1 when one of them fails.

        EXAMPLES:
          millrace model verify model.keras
          millrace model verify model.keras --precision int8 --input steps.jsonl
          millrace model verify model.keras --input steps.jsonl --expect steps.jsonl
        """)

    @OptionGroup var model: ModelArgument

    @Option(help: "Steps {\"t\":n,\"x\":[...]}, one a line; without it, 200 random steps.")
    var input: String?

    @Option(help: "Answers {\"t\":n,\"y\":[...]}, one a line; may be the same file as --input.")
    var expect: String?

    @Option(help: "How far an answer may be from the expected one.")
    var tolerance: Float = 1e-5

    @Option(help: "Compare this number format with f32: bf16 or int8.")
    var precision: Precision = .f32

    func validate() throws {
      if expect != nil && input == nil {
        throw ValidationError("--expect needs --input: the steps that the answers belong to.")
      }
    }

    func run() async throws {
      try await failing {
        let loaded = try model.load()
        var passes = try verify(loaded.model, loaded.probe, input: input, expect: expect)
        if let decoder = loaded.decoder {
          print("\ndecoder, on random steps from zeros:")
          passes = try verify(decoder, loaded.decoderProbe, input: nil, expect: nil) && passes
        }
        if !passes { throw ExitCode(ExitStatus.verdict.rawValue) }
      }
    }

    /// Prints the checks of one model.
    private func verify(
      _ model: Model, _ probe: ModelProbe?, input: String?, expect: String?
    ) throws -> Bool {
      let verification = try ModelVerification(
        model, precision: precision,
        lines: try input.map {
          try RecordedStep.lines(of: try ModelCommand.recording($0), file: $0)
        }
          ?? RecordedStep.random(200, for: model),
        probe: probe,
        expected: try expect.map {
          try RecordedStep.lines(of: try ModelCommand.recording($0), file: $0)
        } ?? [],
        tolerance: tolerance)
      print(verification.text)
      return verification.passes
    }
  }

  /// The text of a file, or of standard input for "-".
  private static func recording(_ path: String) throws -> String {
    try TextFile(readingFrom: path, expecting: "recorded steps, one JSON object a line").text
  }
}

extension Precision: ExpressibleByArgument {}
