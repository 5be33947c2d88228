import Logging
import Wire

/// Runs the cases of a pipeline, each as written and in its variations.
package struct TestRun: Sendable {
  package struct Result: Sendable {
    package var name: String
    package var verdict: Verdict
    /// Other ways in which the same bits came out.
    package var variations = 0
    /// Messages, or parts of them, that were refused.
    package var refusals = 0
  }

  private let pipeline: Pipeline
  private let logger: Logger

  /// - Parameters:
  ///   - pipeline: run with raw values in its lines, so that they can be compared.
  ///   - logger: gets what the stages say.
  package init(pipeline: Pipeline, logger: Logger) {
    self.pipeline = pipeline
    self.logger = logger
  }

  package func run(_ test: TestFile.Case) async throws -> Result {
    let (lines, alarms, refusals) = try await lines(of: test.input)
    var result = Result(
      name: test.name,
      verdict: try LineComparison(
        tolerance: test.tolerance, openStreams: test.input.openStreams
      ).compare(lines, with: test.expected))
    result.refusals = refusals.count
    if refusals.count > test.refusals { result.verdict.fail(refusals[test.refusals]) }
    if refusals.count < test.refusals {
      result.verdict.fail("\(refusals.count) refusals, expected \(test.refusals)")
    }
    if let expected = test.alarms {
      try LineComparison(tolerance: test.tolerance).compare(alarms, with: expected, &result.verdict)
    }
    guard result.verdict.isGood else { return result }
    for variation in 0..<max(test.vary.chunking, test.vary.interleaveWith > 0 ? 1 : 0) {
      let seed = test.vary.seed &+ UInt64(variation)
      let input = TestRun.varied(test.input, test.vary, seed: seed)
      let (varied, variedAlarms, refusals) = try await self.lines(of: input)
      // Copies beside the streams are refused as they are.
      if test.refusals == 0, let refusal = refusals.first {
        result.verdict.fail("with seed \(seed): \(refusal)")
      }
      compare(varied, with: lines, seed: seed, &result.verdict)
      compare(variedAlarms, with: alarms, seed: seed, &result.verdict)
      guard result.verdict.isGood else { return result }
      result.variations += 1
    }
    return result
  }

  /// The same streams, cut anew, beside copies of themselves under other names.
  private static func varied(
    _ input: [InputLine], _ vary: TestFile.Variation, seed: UInt64
  ) -> [InputLine] {
    var cutter = InputCutter(seed: seed)
    var lines = vary.chunking > 0 ? cutter.cut(input) : input
    for copy in 0..<vary.interleaveWith {
      lines += cutter.cut(input).map { line in
        var line = line
        line.stream = StreamID(String("\(line.stream)".prefix(100)) + "@\(copy)") ?? line.stream
        return line
      }
    }
    return vary.interleaveWith > 0 ? cutter.interleave(lines) : lines
  }

  private func compare(
    _ varied: [StreamID: [String]], with lines: [StreamID: [String]], seed: UInt64,
    _ verdict: inout Verdict
  ) {
    for (stream, expected) in lines.sorted(by: { $0.key < $1.key }) {
      let received = varied[stream] ?? []
      guard received != expected else { continue }
      let index = zip(received, expected).enumerated().first { $1.0 != $1.1 }?.offset
      verdict.fail(
        "with seed \(seed), stream \(stream): "
          + (index.map { "\(received[$0]), expected \(expected[$0])" }
            ?? "\(received.count) answers, expected \(expected.count)"))
    }
  }

  /// Runs the input through a pipeline of its own.
  private func lines(
    of input: [InputLine]
  ) async throws
    -> (lines: [StreamID: [String]], alarms: [StreamID: [String]], refusals: [String])
  {
    let collector = LineCollector(format: pipeline.format, alarm: pipeline.alarm)
    let filter = Filter(pipeline: pipeline, connect: nil, logger: logger)
    _ = try await filter.run(
      makeSource: { ListSource(lines: input) },
      onAnswer: { stream, _, rows in collector.append(rows, of: stream) },
      onRefusal: { collector.refuse($0, $1, $2) })
    return (collector.lines, collector.alarmLines, collector.refusals)
  }
}
