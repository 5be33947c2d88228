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

/// Readers of arguments that say what was expected.
enum Reading {
  static func stream(_ text: String) throws -> StreamID {
    guard let stream = StreamID(text) else {
      throw ValidationError(StreamID.problem(with: text) ?? "expected a stream's name")
    }
    return stream
  }

  static func pattern(_ text: String) throws -> StreamPattern {
    guard let pattern = StreamPattern(text) else {
      throw ValidationError(StreamPattern.problem(with: text) ?? "expected a stream's name")
    }
    return pattern
  }

  static func speed(_ text: String) throws -> ReplaySpeed {
    guard let speed = ReplaySpeed(text) else { throw ValidationError(ReplaySpeed.expected) }
    return speed
  }

  /// The parser says of a number only that it is none.
  static func explained(_ message: String) -> String {
    guard let match = message.wholeMatch(of: /The value '(.*)' is invalid for '[^']*'/) else {
      return message
    }
    return message + (Double(match.1) == nil ? ": expected a number" : ": expected a whole number")
  }
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
