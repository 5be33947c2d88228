import ArgumentParser
import Foundation
import Millrace

struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Watch stages and streams of a running daemon, live; as lines where it is piped.",
    discussion: """
      Needs the file's `monitor`. Keys: q quits, f freezes, / filters streams, s and S sort streams \
      and stages, r reverses, arrows and Enter look into one stream's last answers, Esc goes back.

      EXAMPLES:
        millrace top Pipelines/motion.yaml
        millrace top Pipelines/motion.yaml --limit 1 | column -t -s "$(printf '\\t')"
      """)

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Option(help: "The endpoint, where it is not the file's monitor.")
  var from: String?

  @Option(help: "Sort the stages by this column.")
  var sort: String?

  @Option(help: "Stop after so many samples, one a second.")
  var limit: Int?

  func validate() throws {
    try checkEndpoint(from, option: "--from")
    if let limit, limit < 1 {
      throw ValidationError("--limit is \(limit), expected the number of samples, 1 or more.")
    }
    if let sort, !TopRun.columns.contains(sort.lowercased()) {
      throw ValidationError(
        "--sort is \"\(sort)\", expected one of \(TopRun.columns.joined(separator: ", ")).")
    }
  }

  func run() async throws {
    try await failing {
      let file = try argument.file()
      guard let endpoints = from.map({ [$0] }) ?? TopRun.endpoints(of: file) else {
        throw file.error(at: "monitor", "is missing; there is nothing to watch")
      }
      let encrypted = try endpoints.map {
        ($0, try keys.keys(of: file, for: .monitor, at: $0))
      }
      try await TopRun(endpoints: encrypted, limit: limit, sort: sort).run {
        try StandardOutput.write(Array($0.utf8))
      }
    }
  }
}
