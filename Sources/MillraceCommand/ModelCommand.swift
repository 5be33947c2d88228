import ArgumentParser
import Foundation
import Millrace
import ModelFiles

struct ModelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Look at a model file, or run it alone.",
    subcommands: [Inspect.self, Run.self])

  struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a model's layers, shapes, parameters and state.")

    @Argument(help: "A .keras or .h5 file.", completion: .file())
    var file: String

    func run() async throws {
      try await failing { print(ModelSummary(try loadModel(at: file)).text) }
    }
  }

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Run recorded steps through a model: {\"t\":n,\"x\":[...]} in, {\"t\":n,\"y\":[...]} out.")

    @Argument(help: "A .keras or .h5 file.", completion: .file())
    var file: String

    @Option(help: "The steps, one JSON object a line; - is standard input.")
    var input: String

    func run() async throws {
      try await failing {
        let model = try loadModel(at: file).model
        guard
          let data = input == "-"
            ? try FileHandle.standardInput.readToEnd() ?? Data()
            : FileManager.default.contents(atPath: input)
        else {
          complain("\(input): no such file; expected recorded steps")
          throw ExitCode(ExitStatus.missingFile.rawValue)
        }
        try ModelRun.run(model, lines: String(decoding: data, as: UTF8.self), file: input) {
          FileHandle.standardOutput.write(Data($0))
        }
      }
    }
  }
}
