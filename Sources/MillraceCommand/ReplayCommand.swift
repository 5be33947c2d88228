import ArgumentParser
import Foundation
import Millrace

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "A recording through a pipeline; with --expect or --against, a verdict.",
    discussion: """
      A recording has one JSON object a line, as `pipe` takes them, or the compact form of `record`. \
      The verdict names the first step that differs and the largest differences; exit code 1 when \
      there is one. --cut and --interleave change how the input comes, never what is answered.

      EXAMPLES:
        millrace replay live.jsonl motion.yaml --expect answers.jsonl --cut 1
        millrace replay live.jsonl motion.yaml --expect keras.jsonl --atol 5e-5
        millrace replay live.jsonl motion.yaml --against new.keras --report new.html
        millrace replay live.jsonl motion.yaml --speed 1x --connect
      """)

  @Argument(
    help: "The recording: JSON Lines or the compact form; - is standard input.",
    completion: .file(extensions: ["jsonl", "mrrec"]))
  var recording: String

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Option(
    help: "Answers to compare with: output lines, or a recording of the compact form.",
    completion: .file(extensions: ["jsonl", "mrrec"]))
  var expect: String?

  @Option(
    help: "Another model, or pipeline file, to compare this one with on the same recording.",
    completion: .file())
  var against: String?

  @Option(
    help: "With --against: also write the report as a page with plots.",
    completion: .file(extensions: ["html"]))
  var report: String?

  @Option(
    help:
      "Steps a second over all streams, 1x for the recorded pace (2x, 0.5x), or max. (default: max)",
    transform: Reading.speed)
  var speed = ReplaySpeed.max

  @Option(help: "Cut the input into other messages, chosen by this number.")
  var cut: UInt64?

  @Option(help: "Mix the streams in another order, chosen by this number.")
  var interleave: UInt64?

  @Option(help: "Largest absolute difference that is allowed.")
  var atol = 0.0

  @Option(help: "Largest difference relative to the expected value that is allowed.")
  var rtol = 0.0

  @Flag(help: "Print the output lines.")
  var lines = false

  @Flag(help: "Use the running daemon at the file's ingress instead of this process.")
  var connect = false

  func validate() throws {
    if against != nil, expect != nil || connect {
      throw ValidationError("--against runs both models here; leave out --expect and --connect.")
    }
    if report != nil, against == nil {
      throw ValidationError("--report goes with --against.")
    }
    for (option, tolerance) in [("--atol", atol), ("--rtol", rtol)]
    where !(tolerance >= 0 && tolerance.isFinite) {
      throw ValidationError("\(option) is \(tolerance), expected 0 or more.")
    }
  }

  func run() async throws {
    try await failing {
      var file = try argument.file()
      file.sink.values = file.sink.values || expect != nil || against != nil
      let replay = ReplayRun(
        try filter(file),
        options: .init(
          recording: recording, expected: expect, speed: speed, cutSeed: cut,
          interleaveSeed: interleave,
          tolerance: TestFile.Tolerance(absolute: atol, relative: rtol), prints: lines,
          showsProgress: isatty(STDERR_FILENO) == 1))
      guard let against else { return try say(try await replay.run()) }
      let other = try filter(try other(against, beside: file), named: "--against \(against): ")
      let comparison = try await replay.compare(with: other)
      print(comparison.text)
      if let report {
        try OutputFile.write(Array(comparison.page.utf8), to: report)
        print("report              \(report)")
      }
      try conclude(comparison.verdict)
    }
  }

  /// `option` is said in front of what is wrong with the pipeline.
  private func filter(_ file: PipelineFile, named option: String = "") throws -> Filter {
    let pipeline: Pipeline
    do {
      pipeline = try PipelineBuilder(file).build()
    } catch  where !option.isEmpty {
      complain("\(option)\(error)")
      throw ExitCode(ExitStatus(error).rawValue)
    }
    return Filter(
      pipeline: pipeline, connect: connect ? file.ingress : nil,
      keys: connect ? try keys.keys(of: file, for: .ingress, at: file.ingress) : nil,
      logger: argument.logger(default: .warning))
  }

  /// The same pipeline with another model, or another pipeline.
  private func other(_ path: String, beside file: PipelineFile) throws -> PipelineFile {
    var other = file
    if path.hasSuffix(".yaml") || path.hasSuffix(".yml") {
      other = try PipelineFile(readingFrom: path)
      other.sink.values = true
    } else {
      guard FileManager.default.fileExists(atPath: path) else {
        throw TextFile.Failure.missing(path: path, expected: "a model or a pipeline file")
      }
      other.model = URL(fileURLWithPath: path).path
    }
    // Both run in this process, where endpoints are named after the pipeline.
    other.name = "\(file.name)-against"
    return other
  }

  private func say(_ outcome: ReplayRun.Outcome) throws {
    let rate = Double(outcome.summary.answers) / max(outcome.seconds, 1e-9)
    complain(
      "\(outcome.summary.streams) streams, \(outcome.summary.answers) answers, "
        + "\(outcome.summary.refusals) refused, \(Int(rate)) answers a second")
    guard let verdict = outcome.verdict else {
      if outcome.summary.refusals > 0 { throw ExitCode(ExitStatus.badData.rawValue) }
      return
    }
    verdict.figures.forEach { print($0) }
    if let difference = verdict.difference { print("first difference    \(difference)") }
    try conclude(verdict)
  }

  private func conclude(_ verdict: Verdict) throws {
    guard verdict.isGood else { throw ExitCode(ExitStatus.verdict.rawValue) }
    print("verdict             same within \(atol) + \(rtol) x expected")
  }
}
