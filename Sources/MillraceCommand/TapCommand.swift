import ArgumentParser
import Foundation
import Millrace

struct TapCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tap",
    abstract: "Watch what passes in a running daemon: one JSON line a message.",
    discussion: """
      Topics begin with tap/tokenizer/tokens/, tap/inference/output/, gates/ or state/,
      tap/sink/result/ or alarm/, tap/daemon/events/, and go on with STREAM/; output/STREAM/ and
      alarm/STREAM/ are what the sink publishes. What this reader lost is counted on standard error,
      and summed up at the end: with --limit, or when it is interrupted.

      EXAMPLE: millrace tap Pipelines/motion.yaml tap/inference/output/
      """)

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Argument(help: "Beginnings of topics. Default: all.")
  var topics: [String] = [""]

  @Option(help: "Stop after so many messages.")
  var limit: UInt64?

  @Option(help: "The endpoint, where it is not the file's monitor or sink.publish.")
  var from: String?

  func validate() throws { try checkEndpoint(from, option: "--from") }

  func run() async throws {
    try await failing {
      let file = try argument.file()
      let isOutput = topics.allSatisfy { $0.hasPrefix("output") || $0.hasPrefix("alarm") }
      guard let endpoint = from ?? (isOutput ? file.sink.publish : file.monitor) else {
        throw file.error(
          at: isOutput ? "sink" : "monitor",
          isOutput ? "has no publish endpoint to watch" : "is missing; there is nothing to watch")
      }
      let run = TapRun(
        endpoint: endpoint,
        keys: try keys.keys(of: file, for: isOutput ? .publish : .monitor, at: endpoint),
        prefixes: topics, limit: limit)
      let (received, lost) = try await run.run(
        output: { try FileHandle.standardOutput.write(contentsOf: Data($0)) },
        say: { complain($0) })
      complain("\(received) messages, \(lost) lost")
    }
  }
}
