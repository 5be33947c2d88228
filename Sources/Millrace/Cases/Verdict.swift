import Wire

/// How a run's lines compare with what was expected.
package struct Verdict: Sendable {
  /// What differs first, for people; nil when nothing does.
  package var difference: String?
  /// Answers that were compared.
  package var lines = 0
  /// Of them, those that are the same line to the last byte.
  package var sameLines = 0
  /// Of them, those that differ by more than is allowed.
  package var differing = 0
  /// Over all numbers of an answer: |received - expected|, and that over |expected|.
  package var largestDifference = 0.0
  package var largestRelativeDifference = 0.0
  /// The answer with the largest difference.
  package var largestPlace: String?
  package var sameLabels = 0
  package var labels = 0

  package var isGood: Bool { difference == nil }

  mutating func fail(_ text: @autoclosure () -> String) {
    if difference == nil { difference = text() }
  }
}

/// Compares output lines with expected ones, stream by stream.
///
/// The first difference is that with the lowest number, over all streams; an answer that is missing or too many is one.
struct LineComparison {
  let tolerance: TestFile.Tolerance
  /// Streams whose expected answers are only the first of all.
  var openStreams: Set<StreamID> = []

  func compare(
    _ received: [StreamID: [String]], with expectation: TestFile.Expectation
  ) throws -> Verdict {
    var verdict = Verdict()
    var first: (number: UInt64, text: String)?
    func note(_ difference: String, number: UInt64) {
      if number < first?.number ?? .max { first = (number, difference) }
    }
    func note(_ answer: AnswerComparison, number: UInt64, at place: String) {
      verdict.add(answer, at: place)
      if let text = answer.difference { note("\(place): \(text)", number: number) }
    }
    switch expectation {
    case .lines(let expected):
      for (stream, lines) in expected.sorted(by: { $0.key < $1.key }) {
        for (line, wanted) in zip(received[stream] ?? [], lines) {
          let want = try AnswerLine(wanted)
          var answer = AnswerComparison(tolerance: tolerance)
          answer.compare(try AnswerLine(line), with: want)
          answer.isSameLine = line == wanted
          note(answer, number: want.number, at: "stream \(stream) number \(want.number)")
        }
        let have = received[stream] ?? []
        let isMore = have.count > lines.count && !openStreams.contains(stream)
        if isMore || have.count < lines.count {
          let first = isMore ? have[lines.count] : lines[have.count]
          note(
            LineComparison.otherCount(have.count, of: lines.count, stream),
            number: try AnswerLine(first).number)
        }
      }
      if let first { verdict.fail(first.text) }
      compareCounts(received, expected.mapValues(\.count), &verdict)
    case .entries(let expected):
      for (stream, entries) in expected.sorted(by: { $0.key < $1.key }) {
        for (line, entry) in zip(received[stream] ?? [], entries) {
          let have = try AnswerLine(line)
          var answer = AnswerComparison(tolerance: tolerance)
          answer.compare(have, entry: entry)
          note(answer, number: have.number, at: "stream \(stream) number \(have.number)")
        }
      }
      if let first { verdict.fail(first.text) }
      compareCounts(received, expected.mapValues(\.count), &verdict)
    }
    return verdict
  }

  /// Compares the lines of alarms with those that must come.
  func compare(
    _ received: [StreamID: [String]], with expected: [StreamID: [TestFile.ExpectedAlarm]],
    _ verdict: inout Verdict
  ) throws {
    for stream in Set(received.keys).union(expected.keys).sorted() {
      let have = try (received[stream] ?? []).map { line in
        let answer = try AnswerLine(line)
        return TestFile.ExpectedAlarm(number: answer.number, kind: answer.alarm ?? "none")
      }
      let want = expected[stream] ?? []
      guard have != want else { continue }
      func text(_ alarms: [TestFile.ExpectedAlarm]) -> String {
        alarms.isEmpty
          ? "none" : alarms.map { "\($0.kind) at \($0.number)" }.joined(separator: ", ")
      }
      verdict.fail("stream \(stream): alarms \(text(have)), expected \(text(want))")
    }
  }

  private static func otherCount(_ count: Int, of expected: Int, _ stream: StreamID) -> String {
    "stream \(stream): \(count) answers, expected \(expected)"
  }

  private func compareCounts(
    _ received: [StreamID: [String]], _ expected: [StreamID: Int], _ verdict: inout Verdict
  ) {
    for (stream, count) in expected.sorted(by: { $0.key < $1.key }) {
      let have = received[stream]?.count ?? 0
      if have < count || have > count && !openStreams.contains(stream) {
        verdict.fail(LineComparison.otherCount(have, of: count, stream))
      }
    }
    for stream in received.keys.sorted()
    where expected[stream] == nil && !openStreams.contains(stream) {
      verdict.fail("stream \(stream): answers for a stream that was not expected")
    }
  }
}

extension Verdict {
  fileprivate mutating func add(_ answer: AnswerComparison, at place: String) {
    lines += 1
    if answer.isSameLine { sameLines += 1 }
    if answer.difference != nil { differing += 1 }
    if answer.largestDifference > largestDifference {
      largestDifference = answer.largestDifference
      largestPlace = place
    }
    largestRelativeDifference = max(largestRelativeDifference, answer.largestRelativeDifference)
    guard let isSame = answer.hasSameLabel else { return }
    labels += 1
    if isSame { sameLabels += 1 }
  }
}
