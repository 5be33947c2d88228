import ArgumentParser
import Foundation
import Millrace

struct TapCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tap",
    abstract: "Watch what passes in a running daemon.",
    discussion: """
      Topics begin with tokenizer/input/, tokenizer/tokens/, inference/output/, inference/gates/, \
      inference/state/, sink/result/, sink/alarm/ or daemon/events/, and go on with STREAM/; \
      output/STREAM/ and alarm/STREAM/ are what the sink publishes. LSTM and GRU layers have gates. What this reader lost is counted \
      on standard error, and summed up at the end: with --limit, or when it is interrupted. \
      --every and --at-most leave messages out in the daemon; what they leave out is not lost.
      --from-number catches up with one stream: its output lines from that number on, as far back as the \
      pipeline's state.history keeps them, then each as it is written, none lost and none twice.

      EXAMPLES:
        millrace tap Pipelines/motion.yaml inference/output/
        millrace tap Pipelines/gates.yaml inference/gates --stream 'cam-*' --at-most 5
        millrace tap Pipelines/motion.yaml inference/output --format npy --limit 100 > a.npy
        millrace tap Pipelines/motion.yaml daemon/events --format lines
        millrace tap durable.yaml --stream cam-1 --from-number 0
      """)

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Argument(help: "Beginnings of topics. Default: all but gates and state.")
  var topics: [String] = []

  @Option(
    help: "Only this stream, or with a * behind all whose names begin so; may come again.",
    transform: Reading.pattern)
  var stream: [StreamPattern] = []

  @Option(
    help: "json: an object a message; lines: for people; npy: an array a message (numpy.load).")
  var format = TapFormat.json

  @Option(help: "Of each topic, the first message and each so many-th behind it.")
  var every: Int?

  @Option(help: "Of each topic, at most so many messages a second.")
  var atMost: Int?

  @Option(help: "Of --stream, the output lines from this number on, which the daemon has kept.")
  var fromNumber: UInt64?

  @Option(help: "Stop after so many messages.")
  var limit: UInt64?

  @Option(help: "The endpoint, where it is not the file's monitor or sink.publish.")
  var from: String?

  private var tapLimit: TapLimit? {
    every.map { .every(UInt64($0)) } ?? atMost.map { .perSecond(UInt64($0)) }
  }

  func validate() throws {
    try checkEndpoint(from, option: "--from")
    if every != nil, atMost != nil {
      throw ValidationError("--every and --at-most are both given; keep one.")
    }
    for (option, count) in [("--every", every), ("--at-most", atMost)] {
      if let count, !(1...1_000_000).contains(count) {
        throw ValidationError("\(option) is \(count), expected 1 to 1000000.")
      }
    }
    if fromNumber != nil { try validateHistory() }
  }

  /// Not in `validate`, which comes before a misspelt option is told.
  private func prefixes() throws -> [String] {
    do {
      return try TapTopics.prefixes(topics, streams: stream, limit: tapLimit)
    } catch {
      throw ValidationError("\(error)")
    }
  }

  private func validateHistory() throws {
    guard every == nil, atMost == nil else {
      throw ValidationError("--from-number gives each line; leave out --every and --at-most.")
    }
    guard stream.count == 1, stream[0].namesOne else {
      throw ValidationError("--from-number is about one stream; name it with --stream NAME.")
    }
    let plain = topics.map { $0.hasPrefix("tap/") ? String($0.dropFirst(4)) : $0 }
    guard plain.allSatisfy({ $0 == "sink/result" || $0 == "sink/result/" }) else {
      throw ValidationError("--from-number is for sink/result, whose lines the daemon keeps.")
    }
  }

  func run() async throws {
    try await failing {
      let prefixes = try prefixes()
      let file = try argument.file()
      if fromNumber != nil, file.store?.historyMilliseconds == nil {
        throw file.error(
          at: "state",
          "keeps no lines for readers who come late: state: { store: FILE, history: 10m }")
      }
      let isOutput = !topics.isEmpty && topics.allSatisfy(TapTopics.isPublished)
      let own = isOutput ? file.sink.publish.map { [$0] } : TopRun.endpoints(of: file)
      guard let endpoints = from.map({ [$0] }) ?? own else {
        throw file.error(
          at: isOutput ? "sink" : "monitor",
          isOutput ? "has no publish endpoint to watch" : "is missing; there is nothing to watch")
      }
      let run = TapRun(
        file: file, endpoints: endpoints,
        keys: try keys.keys(
          of: file, for: isOutput ? .publish : .monitor, at: endpoints.first ?? ""),
        prefixes: prefixes,
        keptLines: stream.first.flatMap { one in fromNumber.map { (one, $0) } },
        limit: limit, format: format)
      let (received, lost) = try await run.run(
        output: { try StandardOutput.write($0) },
        say: { complain($0) })
      complain("\(received) messages, \(lost) lost")
    }
  }
}

extension TapFormat: ExpressibleByArgument {}
