import ArgumentParser
import Foundation
import Millrace
import ZeroMQ

struct StreamsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streams",
    abstract: "Look at the streams of a running daemon.",
    discussion: """
      Asks the file's control socket. In a terminal the answers are for people; where they are piped, \
      an object of JSON a line.

      EXAMPLES:
        millrace streams list Pipelines/motion.yaml
        millrace streams show Pipelines/motion.yaml har03
      """,
    subcommands: [StreamsListCommand.self, StreamsShowCommand.self])
}

/// Whom to ask, and in which form the answer is printed.
struct ControlOptions: ParsableArguments {
  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Option(help: "The endpoint, where it is not the file's control.")
  var from: String?

  @Flag(help: "JSON, also in a terminal.")
  var json = false

  func validate() throws { try checkEndpoint(from, option: "--from") }

  func streams() throws -> StreamsRun {
    let file = try argument.file()
    guard let endpoint = from ?? file.control else {
      throw file.error(at: "control", "is missing; there is nobody to ask")
    }
    return StreamsRun(
      endpoint: endpoint, keys: try keys.keys(of: file, for: .control, at: endpoint),
      isTable: !json && isatty(STDOUT_FILENO) == 1
    ) {
      try FileHandle.standardOutput.write(contentsOf: Data($0))
    }
  }
}

struct StreamsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "All streams: open, parked and ended ones that are remembered.",
    discussion: """
      EXAMPLES:
        millrace streams list Pipelines/motion.yaml
        millrace streams list Pipelines/motion.yaml --json | grep parked
      """)

  @OptionGroup var options: ControlOptions

  func run() async throws { try await failing { try await options.streams().list() } }
}

struct StreamsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Where one stream stands.",
    discussion: """
      EXAMPLES:
        millrace streams show Pipelines/motion.yaml har03
      """)

  @OptionGroup var options: ControlOptions

  @Argument(help: "The stream's name.")
  var stream: StreamArgument

  func run() async throws {
    try await failing { try await options.streams().show(stream.stream) }
  }
}
