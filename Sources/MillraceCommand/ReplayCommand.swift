import ArgumentParser
import Foundation
import Millrace

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "A recording through a pipeline; with --expect, a verdict.",
    discussion: """
      A recording has one JSON object a line, as `pipe` takes them. The verdict names the first step
      that differs and the largest difference; exit code 1 when there is one.

      EXAMPLE: millrace replay Fixtures/motion/input.jsonl Pipelines/motion.yaml \\
                 --expect Fixtures/motion/expected.jsonl --atol 5e-5
      """)

  @Argument(help: "The recording (JSON Lines).", completion: .file(extensions: ["jsonl"]))
  var recording: String

  @OptionGroup var argument: PipelineArgument
  @OptionGroup var keys: KeyOptions

  @Option(help: "Output lines to compare with.", completion: .file(extensions: ["jsonl"]))
  var expect: String?

  @Option(help: "Steps a second over all streams, or max.")
  var speed = ReplayRun.Speed.max

  @Option(help: "Largest absolute difference that is allowed.")
  var atol = 0.0

  @Option(help: "Largest difference relative to the expected value that is allowed.")
  var rtol = 0.0

  @Flag(help: "Print the output lines.")
  var lines = false

  @Flag(help: "Use the running daemon at the file's ingress instead of this process.")
  var connect = false

  func run() async throws {
    try await failing {
      var file = try argument.file()
      file.sink.values = file.sink.values || expect != nil
      let pipeline = try PipelineBuilder(file).build()
      let filter = Filter(
        pipeline: pipeline, connect: connect ? file.ingress : nil,
        keys: connect ? try keys.keys(of: file, for: .ingress, at: file.ingress) : nil,
        logger: argument.logger(default: .warning))
      let replay = ReplayRun(
        filter,
        options: .init(
          recording: recording, expected: expect, speed: speed,
          tolerance: TestFile.Tolerance(absolute: atol, relative: rtol), prints: lines,
          showsProgress: isatty(STDERR_FILENO) == 1))
      try report(try await replay.run())
    }
  }

  private func report(_ outcome: ReplayRun.Outcome) throws {
    let rate = Double(outcome.summary.answers) / max(outcome.seconds, 1e-9)
    complain(
      "\(outcome.summary.streams) streams, \(outcome.summary.answers) answers, "
        + "\(outcome.summary.refusals) refused, \(Int(rate)) answers a second")
    guard let verdict = outcome.verdict else {
      if outcome.summary.refusals > 0 { throw ExitCode(ExitStatus.badData.rawValue) }
      return
    }
    print("answers compared    \(verdict.lines)")
    if verdict.labels > 0 {
      print("same label          \(verdict.sameLabels) of \(verdict.labels)")
    }
    print("largest difference  \(verdict.largestDifference)")
    if let difference = verdict.difference {
      print("first difference    \(difference)")
      throw ExitCode(ExitStatus.verdict.rawValue)
    }
    print("verdict             same within \(atol) + \(rtol) x expected")
  }
}

extension ReplayRun.Speed: ExpressibleByArgument {
  public init?(argument: String) {
    if argument == "max" {
      self = .max
    } else if let rate = Double(argument), rate > 0 {
      self = .stepsPerSecond(rate)
    } else {
      return nil
    }
  }

  public var defaultValueDescription: String { "max" }
}
