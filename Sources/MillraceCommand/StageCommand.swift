import ArgumentParser
import Millrace

struct StageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stage",
    abstract: "Run one stage of a pipeline as a process of its own.",
    discussion: """
      The stages meet at the endpoints of the file's `links`.

      EXAMPLES:
        millrace stage tokenizer three.yaml
        millrace stage inference three.yaml
        millrace stage sink three.yaml
      """)

  @Argument(help: "tokenizer, inference or sink.")
  var stage: StageName

  @OptionGroup var argument: PipelineArgument

  func run() async throws {
    try await failing {
      let daemon = Daemon(
        pipeline: try PipelineBuilder(try argument.file()).build(),
        logger: argument.logger(default: .info), stage: stage)
      try await daemon.run()
    }
  }
}

extension StageName: ExpressibleByArgument {}
