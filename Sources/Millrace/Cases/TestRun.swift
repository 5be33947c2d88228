import Logging
import Wire

/// Runs the cases of a pipeline, each as written and in its variations.
package struct TestRun: Sendable {
  package struct Result: Sendable {
    package var name: String
    package var verdict: Verdict
    /// Other ways in which the same bits came out.
    package var variations = 0
    /// Of them, those in which the daemon was killed.
    package var crashes = 0
    /// Messages, or parts of them, that were refused.
    package var refusals = 0
    package var seconds = 0.0
    /// What was answered, stream by stream.
    var lines: [StreamID: [String]] = [:]
  }

  /// What came out of one run.
  private struct Output {
    var lines: [StreamID: [String]]
    var alarms: [StreamID: [String]]
    var refusals: [String]
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
    let began = MonotonicClock.nanoseconds
    var result = try await compare(test)
    result.seconds = Double(MonotonicClock.nanoseconds - began) / 1e9
    return result
  }

  private func compare(_ test: TestFile.Case) async throws -> Result {
    let output = try await output(of: test.input)
    let comparison = LineComparison(
      tolerance: test.tolerance, openStreams: test.input.openStreams)
    var result = Result(
      name: test.name, verdict: try comparison.compare(output.lines, with: test.expected))
    result.lines = output.lines
    result.refusals = output.refusals.count
    if output.refusals.count > test.refusals {
      result.verdict.fail(output.refusals[test.refusals])
    }
    if output.refusals.count < test.refusals {
      result.verdict.fail("\(output.refusals.count) refusals, expected \(test.refusals)")
    }
    if let expected = test.alarms {
      try comparison.compare(output.alarms, with: expected, &result.verdict)
    }
    guard result.verdict.isGood else { return result }
    for variation in 0..<max(test.vary.chunking, test.vary.interleaveWith > 0 ? 1 : 0) {
      let seed = test.vary.seed &+ UInt64(variation)
      let input = TestRun.varied(test.input, test.vary, seed: seed)
      try await vary(output, test, "with seed \(seed)", &result) {
        try await self.output(of: input)
      }
      guard result.verdict.isGood else { return result }
    }
    guard test.vary.crash > 0 else { return result }
    let seed = test.vary.seed
    try await vary(output, test, "with \(test.vary.crash) crashes and seed \(seed)", &result) {
      try await self.output(of: test, crashes: test.vary.crash, seed: seed)
    }
    if result.verdict.isGood { result.crashes = test.vary.crash }
    return result
  }

  /// Runs a variation, which has to give what came before.
  private func vary(
    _ output: Output, _ test: TestFile.Case, _ what: String, _ result: inout Result,
    _ run: () async throws -> Output
  ) async throws {
    let varied = try await run()
    // Copies beside the streams are refused as they are.
    if test.refusals == 0, let refusal = varied.refusals.first {
      result.verdict.fail("\(what): \(refusal)")
    }
    compare(varied.lines, with: output.lines, what, &result.verdict)
    compare(varied.alarms, with: output.alarms, what, &result.verdict)
    if result.verdict.isGood { result.variations += 1 }
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
    _ varied: [StreamID: [String]], with lines: [StreamID: [String]], _ what: String,
    _ verdict: inout Verdict
  ) {
    for (stream, expected) in lines.sorted(by: { $0.key < $1.key }) {
      let received = varied[stream] ?? []
      guard received != expected else { continue }
      let index = zip(received, expected).enumerated().first { $1.0 != $1.1 }?.offset
      verdict.fail(
        "\(what), stream \(stream): "
          + (index.map { "\(received[$0]), expected \(expected[$0])" }
            ?? "\(received.count) answers, expected \(expected.count)"))
    }
  }

  // MARK: Running

  /// Runs the input through a pipeline of its own, in this process.
  private func output(of input: [InputLine]) async throws -> Output {
    try await output(through: Filter(pipeline: pipeline, connect: nil, logger: logger)) {
      ListSource(lines: input)
    }
  }

  /// Runs the case through a daemon that is killed and started anew.
  private func output(of test: TestFile.Case, crashes: Int, seed: UInt64) async throws -> Output {
    var input = test.input
    // Refused values must not be cut.
    if test.refusals == 0 {
      var cutter = InputCutter(seed: seed)
      input = cutter.cut(input)
    }
    let daemon = try CrashedDaemon(pipeline.file)
    try await onThread(named: "crash") { try daemon.start() }
    defer { daemon.stop() }
    var filter = Filter(pipeline: pipeline, connect: daemon.ingress, logger: logger)
    filter.keepsLives = true
    return try await output(through: filter) { [input] in
      CrashingSource(input, daemon: daemon, crashes: crashes, seed: seed)
    }
  }

  private func output(
    through filter: Filter, _ makeSource: @escaping @Sendable () -> any InputSource
  ) async throws -> Output {
    let collector = LineCollector(format: pipeline.format, alarm: pipeline.alarm)
    _ = try await filter.run(
      makeSource: makeSource,
      onAnswer: { stream, _, rows in collector.append(rows, of: stream) },
      onRefusal: { collector.refuse($0, $1, $2) })
    return Output(
      lines: collector.lines, alarms: collector.alarmLines, refusals: collector.refusals)
  }
}
