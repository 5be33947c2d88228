import ArgumentParser
import Logging
import Millrace
import Wire

/// The pipeline file, and how much is logged; most commands take both.
struct PipelineArgument: ParsableArguments {
  @Argument(help: "The pipeline file (YAML).", completion: .file(extensions: ["yaml", "yml"]))
  var pipeline: String

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A key in the place of the file's: sink.publish=tcp://127.0.0.1:5551; none where it is empty.",
      valueName: "key=value"))
  var settings: [String] = []

  @Option(help: "How much is logged: trace, debug, info, notice, warning or error.")
  var logLevel: Logger.Level?

  func file() throws -> PipelineFile {
    try PipelineFile(readingFrom: pipeline, settings: settings)
  }

  /// Filters say only what went wrong; the daemon also says what it does.
  func logger(default level: Logger.Level) -> Logger {
    let level = logLevel ?? level
    return Logger(label: "millrace") { _ in KeyValueLogHandler(logLevel: level) }
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}

/// A stream's name on the command line.
struct StreamArgument: ExpressibleByArgument {
  let stream: StreamID

  static let standardInput = StreamArgument(stream: StreamID(literal: "stdin"))

  private init(stream: StreamID) { self.stream = stream }

  init?(argument: String) {
    guard let stream = StreamID(argument) else { return nil }
    self.stream = stream
  }

  var defaultValueDescription: String { stream.name }
}

/// Refuses an endpoint on the command line that cannot be one of a daemon; nil is fine.
func checkEndpoint(_ endpoint: String?, option: String) throws {
  guard let endpoint else { return }
  if let problem = Endpoint.problem(with: endpoint, allowPlaintext: true) {
    throw ValidationError("\(option) \(problem).")
  }
  if endpoint.hasPrefix("inproc://") {
    throw ValidationError(
      "\(option) is \"\(endpoint)\", which no other process can reach; expected tcp:// or ipc://.")
  }
}
