import Foundation
import Glibc
import Logging
import Wire

/// `millrace replay`: a recording through a pipeline, and a verdict on its answers.
package struct ReplayRun: Sendable {
  package struct Options: Sendable {
    package var recording: String
    package var expected: String?
    package var speed: ReplaySpeed
    /// Chooses how the input is cut into messages; nil leaves it as it was recorded.
    package var cutSeed: UInt64?
    /// Chooses how streams are mixed; nil leaves them in the order of the recording.
    package var interleaveSeed: UInt64?
    package var tolerance: TestFile.Tolerance
    package var prints: Bool
    package var showsProgress: Bool

    package init(
      recording: String, expected: String?, speed: ReplaySpeed, cutSeed: UInt64?,
      interleaveSeed: UInt64?, tolerance: TestFile.Tolerance, prints: Bool, showsProgress: Bool
    ) {
      self.recording = recording
      self.expected = expected
      self.speed = speed
      self.cutSeed = cutSeed
      self.interleaveSeed = interleaveSeed
      self.tolerance = tolerance
      self.prints = prints
      self.showsProgress = showsProgress
    }
  }

  package struct Outcome: Sendable {
    package var summary: Filter.Summary
    package var verdict: Verdict?
    package var seconds: Double
  }

  private let filter: Filter
  private let options: Options

  package init(_ filter: Filter, options: Options) {
    self.filter = filter
    self.options = options
  }

  /// - Throws: a `TextFile.Failure` or a `BadLine` for a recording that cannot be used.
  package func run() async throws -> Outcome {
    let input = try readInput()
    // Before the run: a missing file is said at once.
    let expected = try options.expected.map {
      try RecordingFile.answers(of: $0, format: filter.pipeline.format)
    }
    let began = MonotonicClock.nanoseconds
    let (lines, summary) = try await replay(
      input, through: filter, keeps: expected != nil, prints: options.prints)
    let seconds = Double(MonotonicClock.nanoseconds - began) / 1e9
    let comparison = LineComparison(
      tolerance: options.tolerance, openStreams: input.openStreams)
    return Outcome(
      summary: summary,
      verdict: try expected.map { try comparison.compare(lines, with: .lines($0)) },
      seconds: seconds)
  }

  /// The recording through this pipeline and through another one.
  ///
  /// - Parameter other: runs the other model.
  /// - Returns: how its answers differ from this one's.
  /// - Throws: as `run`.
  package func compare(with other: Filter) async throws -> ModelComparison {
    let input = try readInput()
    let (lines, _) = try await replay(input, through: filter, keeps: true, prints: false)
    let (others, _) = try await replay(input, through: other, keeps: true, prints: options.prints)
    return try ModelComparison(
      first: lines, second: others, tolerance: options.tolerance,
      names: [filter.pipeline, other.pipeline].map {
        "\($0.file.model) \($0.file.precision.rawValue) \($0.model.hashText.prefix(23))"
      },
      recording: options.recording)
  }

  /// The recording, cut and mixed as the options say.
  private func readInput() throws -> [InputLine] {
    var input = try RecordingFile.inputs(of: options.recording)
    if let seed = options.cutSeed {
      var cutter = InputCutter(seed: seed)
      input = cutter.cut(input)
    }
    if let seed = options.interleaveSeed {
      var cutter = InputCutter(seed: seed)
      input = cutter.interleave(input)
    }
    if case .timesRecorded = options.speed {
      guard options.interleaveSeed == nil else {
        throw BadLine(
          options.recording, "mixed anew it has no pace of its own; leave out --interleave")
      }
      guard input.contains(where: { $0.microseconds != nil }) else {
        throw BadLine(
          options.recording,
          "says nowhere when its lines came (at); record with --times, or give --speed in steps")
      }
    }
    return input
  }

  private func replay(
    _ input: [InputLine], through filter: Filter, keeps: Bool, prints: Bool
  ) async throws -> (lines: [StreamID: [String]], summary: Filter.Summary) {
    let format = filter.pipeline.format
    let collector = LineCollector(format: format)
    let progress = ReplayProgress(
      total: input.reduce(0) { $0 + $1.units }, isShown: options.showsProgress)
    let speed = options.speed
    let output = try OutputLines(isPrinting: prints, alarm: filter.pipeline.alarm)
    let summary = try await filter.run(
      makeSource: { PacedSource(lines: input, speed: speed) },
      onAnswer: { stream, header, rows in
        progress.advance(rows.count)
        if keeps { collector.append(rows, of: stream) }
        if prints { try output.append(rows, of: stream, format: format) }
      },
      onRefusal: { collector.refuse($0, $1, $2) }, onIdle: { try output.flush() },
      say: OutputLines.say)
    progress.finish()
    for refusal in collector.refusals.prefix(10) {
      OutputLines.say(refusal)
    }
    return (collector.lines, summary)
  }
}
