import ArgumentParser
import Foundation
import Millrace

struct RecordCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Capture the input of a running daemon's streams, and its answers.",
    discussion: """
      Streams are recorded from their START on, so that a replay gives the same answers; those that \
      are open already, from their next one on. NAME.jsonl is one JSON object a line, as `pipe` \
      takes them; NAME.mrrec is smaller. With --fixture, a folder is written with the pipeline, the \
      files that it names, the recording and NAME.test.yaml, which `millrace test` runs. Needs the \
      file's `monitor`. Exits with 74 when something was lost.

      EXAMPLES:
        millrace record motion.yaml --output live.jsonl --answers answers.jsonl
        millrace record motion.yaml 'har*' --output live.mrrec --answers live.mrrec
        millrace record hello.yaml cam-1 --fixture Fixtures/cam-1 --ended 1
      """)

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Argument(
    help: "Names of streams, or beginnings of names with a * behind. Default: all.",
    transform: Reading.pattern)
  var streams: [StreamPattern] = [.all]

  @Option(
    help: "Where the input goes: NAME.jsonl, or NAME.mrrec for the compact form.",
    completion: .file(extensions: ["jsonl", "mrrec"]))
  var output: String?

  @Option(
    help: "Where the answers go: output lines, or in the compact form the same file.",
    completion: .file(extensions: ["jsonl", "mrrec"]))
  var answers: String?

  @Option(help: "Write a fixture: this folder, with the pipeline, its files and NAME.test.yaml.")
  var fixture: String?

  @Flag(help: "Say when each line came (at), for replay --speed 1x.")
  var times = false

  @Option(help: "Stop after so many messages of input.")
  var limit: UInt64?

  @Option(help: "Stop when so many streams have ended.")
  var ended: Int?

  @Option(help: "Stop after so many seconds of recording.")
  var seconds: Double?

  @Flag(help: "Overwrite files that exist.")
  var force = false

  @Option(help: "The endpoint, where it is not the file's monitor.")
  var from: String?

  func validate() throws {
    try checkEndpoint(from, option: "--from")
    if let ended, ended < 1 {
      throw ValidationError("--ended is \(ended), expected the number of streams, 1 or more.")
    }
    if let seconds, !(seconds > 0) {
      throw ValidationError("--seconds is \(seconds), expected a time above 0.")
    }
    if fixture != nil, answers != nil {
      throw ValidationError("--answers does not go with --fixture, which keeps them itself.")
    }
  }

  func run() async throws {
    try await failing {
      // Not in `validate`, which comes before a misspelt option is told.
      guard (output == nil) != (fixture == nil) else {
        throw ValidationError("expected one of --output and --fixture.")
      }
      var file = try argument.file()
      guard let endpoints = from.map({ [$0] }) ?? TopRun.endpoints(of: file) else {
        throw file.error(at: "monitor", "is missing; there is nothing to record")
      }
      // All that can be compared is kept.
      file.sink.values = true
      let pipeline = try PipelineBuilder(file).build()
      let options = RecordRun.Options(
        pipeline: pipeline,
        endpoints: try endpoints.map { ($0, try keys.keys(of: file, for: .monitor, at: $0)) },
        streams: streams, limit: limit, ended: ended,
        seconds: seconds)
      let folder = try fixture.map { try FixtureFolder($0, of: pipeline, replaces: force) }
      let files = RecordRun.Files(
        input: folder?.inputPath ?? output ?? "", answers: folder?.answersPath ?? answers,
        writesTimes: times, replaces: force || folder != nil)
      let summary = try await RecordRun(options, files: files, format: pipeline.format).run {
        complain($0)
      }
      try report(summary)
      if let folder {
        let path = try await folder.finish(summary)
        print("wrote \(folder.path); try: millrace test \(path)")
      }
      if summary.lost > 0 || !summary.givenUp.isEmpty {
        throw ExitCode(ExitStatus.inputOutput.rawValue)
      }
    }
  }

  private func report(_ summary: RecordRun.Summary) throws {
    var line =
      "\(summary.streams) streams, \(summary.messages) messages, \(summary.answers) answers, "
      + "\(summary.lost) lost"
    if summary.passedOver > 0 {
      line += "; \(summary.passedOver) streams had begun before and are not recorded"
    }
    complain(line)
  }
}
