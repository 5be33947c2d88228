import ArgumentParser

/// The `millrace` command: one subcommand a file, arguments only.
@main
struct MillraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "millrace",
    abstract: "Serves recurrent neural networks on live streams.",
    subcommands: [
      RunCommand.self, StageCommand.self, PipeCommand.self, SendCommand.self, TapCommand.self,
      ReplayCommand.self, InitCommand.self, CheckCommand.self, TestCommand.self,
      ModelCommand.self, SimilarCommand.self,
    ])
}
