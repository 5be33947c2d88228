import Foundation
import Glibc
import Logging
import Synchronization
import Wire

/// `millrace replay`: a recording through a pipeline, and a verdict on its answers.
package struct ReplayRun: Sendable {
  package enum Speed: Sendable, Equatable {
    case max
    /// Steps a second, over all streams.
    case stepsPerSecond(Double)
  }

  package struct Options: Sendable {
    package var recording: String
    package var expected: String?
    package var speed: Speed
    package var tolerance: TestFile.Tolerance
    package var prints: Bool
    package var showsProgress: Bool

    package init(
      recording: String, expected: String?, speed: Speed, tolerance: TestFile.Tolerance,
      prints: Bool, showsProgress: Bool
    ) {
      self.recording = recording
      self.expected = expected
      self.speed = speed
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
    let input = try readLines(options.recording)
    let collector = LineCollector(format: filter.pipeline.format)
    let progress = Progress(
      total: input.reduce(0) { $0 + max($1.units, 0) }, isShown: options.showsProgress)
    let began = MonotonicClock.nanoseconds
    let speed = options.speed
    let prints = options.prints
    let keeps = options.expected != nil
    let format = filter.pipeline.format
    let output = try OutputLines(isPrinting: prints, alarm: filter.pipeline.alarm)
    let summary = try await filter.run(
      makeSource: { PacedSource(lines: input, speed: speed) },
      onAnswer: { stream, header, rows in
        progress.advance(rows.count)
        if keeps { collector.append(rows, of: stream) }
        if prints { try output.append(rows, of: stream, format: format) }
      },
      onRefusal: { collector.refuse($0, $1, $2) }, onIdle: { try output.flush() })
    progress.finish()
    let seconds = Double(MonotonicClock.nanoseconds - began) / 1e9
    for refusal in collector.refusals.prefix(10) {
      FileHandle.standardError.write(Data("millrace: \(refusal)\n".utf8))
    }
    var verdict: Verdict?
    if let path = options.expected {
      verdict = try LineComparison(tolerance: options.tolerance)
        .compare(collector.lines, with: .lines(try expectedLines(path)))
    }
    return Outcome(summary: summary, verdict: verdict, seconds: seconds)
  }

  private func readLines(_ path: String) throws -> [InputLine] {
    let file = try TextFile(
      readingFrom: path, expecting: "a recording, one JSON object a line")
    return try InputLine.lines(of: file)
  }

  private func expectedLines(_ path: String) throws -> [StreamID: [String]] {
    try AnswerLine.byStream(
      try TextFile(readingFrom: path, expecting: "output lines to compare with"))
  }
}

/// Lines at their pace.
private struct PacedSource: InputSource {
  private let lines: [InputLine]
  private let speed: ReplayRun.Speed
  private var position = 0
  private var steps = 0.0
  private let began = MonotonicClock.nanoseconds

  /// Lines handed on at once when there is no pace.
  private static let chunk = 256

  init(lines: [InputLine], speed: ReplayRun.Speed) {
    self.lines = lines
    self.speed = speed
  }

  var descriptor: Int32? { nil }

  mutating func next() throws -> [InputLine]? {
    guard position < lines.count else { return nil }
    switch speed {
    case .max:
      let upper = min(lines.count, position + PacedSource.chunk)
      defer { position = upper }
      return Array(lines[position..<upper])
    case .stepsPerSecond(let rate):
      let due = Double(MonotonicClock.nanoseconds - began) / 1e9 * rate
      var now: [InputLine] = []
      while position < lines.count, steps <= due {
        steps += Double(max(1, lines[position].units))
        now.append(lines[position])
        position += 1
      }
      // Short enough to keep the pace, long enough to leave the core to the stages.
      if now.isEmpty { usleep(500) }
      return now
    }
  }
}

/// How far a long replay is, on a terminal.
private final class Progress: Sendable {
  private let total: Int
  private let isShown: Bool
  private let state = Mutex<(done: Int, shownAt: UInt64)>((0, 0))

  init(total: Int, isShown: Bool) {
    self.total = total
    self.isShown = isShown
  }

  func advance(_ count: Int) {
    guard isShown else { return }
    let line = state.withLock { state -> String? in
      state.done += count
      let now = MonotonicClock.milliseconds
      guard now - state.shownAt >= 200 else { return nil }
      state.shownAt = now
      return "\r\(state.done) answers of \(total) steps"
    }
    if let line { FileHandle.standardError.write(Data(line.utf8)) }
  }

  func finish() {
    if isShown { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
  }
}
