import ArgumentParser
import Millrace
import ModelFiles

/// The `millrace` command: one subcommand a file, arguments only.
@main
struct MillraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "millrace",
    abstract: "Serves recurrent neural networks on live streams.",
    discussion: """
      EXAMPLES:
        millrace init model.keras --labels labels.txt
        printf '0.1,0.2,0.3\\n' | millrace pipe model.yaml --csv
        millrace run model.yaml
      """,
    version: Version.current,
    subcommands: [
      RunCommand.self, StageCommand.self, PipeCommand.self, SendCommand.self, TapCommand.self,
      TopCommand.self, StreamsCommand.self,
      RecordCommand.self, ReplayCommand.self, InitCommand.self, CheckCommand.self, TestCommand.self,
      ModelCommand.self, SimilarCommand.self, KeygenCommand.self, DoctorCommand.self,
    ])

  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if let problem = unknownCommand(in: arguments) {
      complain(problem)
      exit(withError: ExitCode.validationFailure)
    }
    ReaderProcess.use("/proc/self/exe")
    do {
      var command = try parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      finishOutput()
    } catch {
      // Help and --version are no errors.
      if exitCode(for: error) == .success {
        print(fullMessage(for: error))
        finishOutput()
        return
      }
      // One line, as all errors are.
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      let message = Reading.explained(message(for: error))
      if !message.isEmpty { complain("\(message) (millrace --help says more)") }
      exit(withError: ExitCode.validationFailure)
    }
  }

  /// Ends with an error where standard output has not taken everything.
  private static func finishOutput() {
    do {
      try StandardOutput.finish()
    } catch {
      complain(of: error)
      exit(withError: ExitCode(ExitStatus(error).rawValue))
    }
  }

  /// What is wrong with the subcommand that is named, if there is none of that name.
  private static func unknownCommand(in arguments: [String]) -> String? {
    var command: any ParsableCommand.Type = self
    var path = "millrace"
    for argument in arguments.first == "help" ? arguments.dropFirst() : arguments[...] {
      let subcommands = command.configuration.subcommands
      guard !subcommands.isEmpty, !argument.hasPrefix("-") else { return nil }
      if let next = subcommands.first(where: { $0._commandName == argument }) {
        command = next
        path += " \(argument)"
        continue
      }
      let near = NearestName.of(argument, among: subcommands.map { $0._commandName })
      return "unknown command \"\(argument)\"; "
        + (near.map { "did you mean \"\(path) \($0)\"? " } ?? "") + "See \(path) --help"
    }
    return nil
  }
}
