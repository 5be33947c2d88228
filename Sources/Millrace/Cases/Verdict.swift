import Wire

/// How a run's lines compare with what was expected.
package struct Verdict: Sendable {
  /// What differs first, for people; nil when nothing does.
  package var difference: String?
  package var lines = 0
  package var largestDifference = 0.0
  package var sameLabels = 0
  package var labels = 0

  package var isGood: Bool { difference == nil }

  mutating func fail(_ text: @autoclosure () -> String) {
    if difference == nil { difference = text() }
  }
}

/// Compares output lines with expected ones, stream by stream.
struct LineComparison {
  let tolerance: TestFile.Tolerance

  func compare(
    _ received: [StreamID: [String]], with expectation: TestFile.Expectation
  ) throws -> Verdict {
    var verdict = Verdict()
    switch expectation {
    case .lines(let expected):
      try compareCounts(received, expected.mapValues(\.count), &verdict)
      for (stream, lines) in expected.sorted(by: { $0.key < $1.key }) {
        for (line, wanted) in zip(received[stream] ?? [], lines) {
          try compare(line, wanted, &verdict)
        }
      }
    case .entries(let expected):
      try compareCounts(received, expected.mapValues(\.count), &verdict)
      for (stream, entries) in expected.sorted(by: { $0.key < $1.key }) {
        for (line, entry) in zip(received[stream] ?? [], entries) {
          try compare(line, entry: entry, &verdict)
        }
      }
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

  private func compareCounts(
    _ received: [StreamID: [String]], _ expected: [StreamID: Int], _ verdict: inout Verdict
  ) throws {
    for (stream, count) in expected.sorted(by: { $0.key < $1.key }) {
      let have = received[stream]?.count ?? 0
      if have != count {
        verdict.fail("stream \(stream): \(have) answers, expected \(count)")
      }
    }
    for stream in received.keys.sorted() where expected[stream] == nil {
      verdict.fail("stream \(stream): answers for a stream that was not expected")
    }
  }

  private func compare(_ line: String, _ wanted: String, _ verdict: inout Verdict) throws {
    verdict.lines += 1
    let have = try AnswerLine(line)
    let want = try AnswerLine(wanted)
    let place = "stream \(want.stream) number \(want.number)"
    if have.number != want.number {
      verdict.fail("\(place): received number \(have.number)")
    }
    if let token = want.token, have.token != token {
      verdict.fail("\(place): token \(have.token ?? "none"), expected \(token)")
    }
    if let label = want.label {
      verdict.labels += 1
      if have.label == label {
        verdict.sameLabels += 1
      } else {
        verdict.fail("\(place): label \(have.label ?? "none"), expected \(label)")
      }
    }
    if have.isEnd != want.isEnd {
      verdict.fail("\(place): end \(have.isEnd), expected \(want.isEnd)")
    }
    if let score = want.score { compare(have.score, score, "score", place, &verdict) }
    if let anomaly = want.anomaly {
      compare(have.anomaly, anomaly, "anomaly", place, &verdict)
    }
    guard let values = want.values else { return }
    guard let own = have.values, own.count == values.count else {
      return verdict.fail("\(place): \(have.values?.count ?? 0) values, expected \(values.count)")
    }
    for (index, value) in values.enumerated() {
      compare(own[index], value, "value \(index)", place, &verdict)
    }
  }

  private func compare(
    _ received: Float?, _ expected: Float, _ what: String, _ place: String,
    _ verdict: inout Verdict
  ) {
    guard let received else { return verdict.fail("\(place): no \(what), expected \(expected)") }
    let difference = abs(Double(received) - Double(expected))
    verdict.largestDifference = max(verdict.largestDifference, difference)
    let allowed = tolerance.absolute + tolerance.relative * abs(Double(expected))
    // Not "greater": a NaN on either side is a difference.
    if !(difference <= allowed) {
      verdict.fail("\(place): \(what) is \(received), expected \(expected) (within \(allowed))")
    }
  }

  private func compare(
    _ line: String, entry: [String: String], _ verdict: inout Verdict
  ) throws {
    verdict.lines += 1
    let have = try AnswerLine(line)
    let place = "stream \(have.stream) number \(have.number)"
    for (key, want) in entry.sorted(by: { $0.key < $1.key }) {
      switch key {
      case "number" where "\(have.number)" != want:
        verdict.fail("\(place): expected number \(want)")
      case "token" where have.token != want:
        verdict.fail("\(place): token \(have.token ?? "none"), expected \(want)")
      case "label" where have.label != want:
        verdict.fail("\(place): label \(have.label ?? "none"), expected \(want)")
      case "end" where "\(have.isEnd)" != want:
        verdict.fail("\(place): end \(have.isEnd), expected \(want)")
      case "score":
        compare(have.score, Float(want) ?? .nan, "score", place, &verdict)
      case "anomaly":
        compare(have.anomaly, Float(want) ?? .nan, "anomaly", place, &verdict)
      case "values":
        let wanted = want.split(separator: ",").map { Float($0) ?? .nan }
        if have.values?.count != wanted.count {
          verdict.fail("\(place): \(have.values?.count ?? 0) values, expected \(wanted.count)")
        }
        for (index, value) in wanted.enumerated() where index < have.values?.count ?? 0 {
          compare(have.values?[index], value, "value \(index)", place, &verdict)
        }
      default: break
      }
    }
  }
}
