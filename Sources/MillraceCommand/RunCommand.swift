import ArgumentParser
import Millrace

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a pipeline as a daemon, all stages in this process.")

  @OptionGroup var argument: PipelineArgument

  func run() async throws {
    try await failing {
      let pipeline = try PipelineBuilder(try argument.file()).build()
      let daemon = Daemon(pipeline: pipeline, logger: argument.logger(default: .info))
      try await daemon.run()
    }
  }
}
