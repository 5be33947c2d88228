import ArgumentParser
import Foundation
import Millrace
import Wire

struct SendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send",
    abstract: "Standard input to a running daemon; answers stay with its sink.",
    discussion: """
      Takes the same input as `pipe`. Refusals are printed, answers are not (`pipe --connect` prints \
      them).

      EXAMPLES:
        printf hell | millrace send Pipelines/hello.yaml --stream cam-1
      """)

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Option(
    help: "The stream of plain text and of lines that name none. (default: stdin)",
    transform: Reading.stream)
  var stream = StreamID(literal: "stdin")

  @Option(help: "The daemon's ingress, where it is not the file's.")
  var to: String?

  @Flag(help: "Each line is one row of numbers, separated by commas.")
  var csv = false

  func validate() throws { try checkEndpoint(to, option: "--to") }

  func run() async throws {
    try await failing {
      let file = try argument.file()
      let endpoint = to ?? file.ingress
      let filter = Filter(
        pipeline: try PipelineBuilder(file).build(), connect: endpoint,
        keys: try keys.keys(of: file, for: .ingress, at: endpoint),
        logger: argument.logger(default: .warning))
      let pipe = PipeRun(
        filter,
        options: .init(
          stream: stream, keepsNewlines: false, isTextOnly: false, isCSV: csv,
          prints: false))
      let summary = try await pipe.run(descriptor: STDIN_FILENO)
      complain(
        "\(summary.streams) streams sent, \(summary.answers) answers, \(summary.refusals) refused")
      if summary.refusals > 0 { throw ExitCode(ExitStatus.badData.rawValue) }
    }
  }
}
