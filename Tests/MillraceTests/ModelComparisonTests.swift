import Testing
import Wire

@testable import Millrace

/// Two runs' lines, compared: where they part, and how far.
struct ModelComparisonTests {
  private func lines(_ values: [[Float]]) -> [StreamID: [String]] {
    let format = AnswerFormat(labels: ["no", "yes"], top: 2, showsValues: true, tokenText: nil)
    return Dictionary(
      uniqueKeysWithValues: values.enumerated().map { index, row in
        let stream = StreamID("s\(index)") ?? StreamID(literal: "s")
        let lines = row.enumerated().map { number, value -> String in
          var line: [UInt8] = []
          [1 - value, value].withUnsafeBufferPointer {
            format.appendLine(
              stream: stream, number: UInt64(number), token: nil, row: $0, isEnd: false, to: &line)
          }
          return String(decoding: line.dropLast(), as: UTF8.self)
        }
        return (stream, lines)
      })
  }

  private func compare(
    _ first: [[Float]], _ second: [[Float]], atol: Double = 0
  ) throws -> ModelComparison {
    try ModelComparison(
      first: lines(first), second: lines(second), tolerance: .init(absolute: atol),
      names: ["one <&>", "two"], recording: "r.jsonl")
  }

  @Test func theFirstDifferenceIsTheLowestNumberOfAllStreams() throws {
    let one: [[Float]] = [[0.1, 0.2, 0.3, 0.4], [0.25, 0.75, 0.5, 0.9]]
    var two = one
    two[0][3] = 0.9
    two[1][1] = 0.25
    let comparison = try compare(one, two)
    #expect(
      comparison.verdict.difference?.hasPrefix("stream s1 number 1: label no, expected yes") == true
    )
    #expect(comparison.verdict.differing == 2)
    #expect(comparison.verdict.sameLines == 6)
    #expect((comparison.verdict.sameLabels, comparison.verdict.labels) == (6, 8))
    #expect(abs(comparison.verdict.largestDifference - 0.5) < 1e-6)
    #expect(comparison.verdict.largestPlace?.hasPrefix("stream s") == true)
    #expect(abs(comparison.verdict.largestRelativeDifference - 2) < 1e-5)
    #expect(comparison.rows.map(\.firstDifference) == [3, 1])
    #expect(comparison.bins.map { $0.sameLabels } == [2, 1, 2, 1])
    #expect(
      Set(comparison.changes.map(\.change)) == [
        .init(from: "yes", to: "no"), .init(from: "no", to: "yes"),
      ])
    #expect(comparison.powers == [nil: 6, -1: 2])
  }

  /// One stream has other than `expected` answers, the other a wrong one.
  @Test(arguments: [
    (4, 3, 1, "stream s1 number 1: "), (4, 2, 3, "stream s0: 2 answers, expected 4"),
    (1, 2, 0, "stream s1 number 0: "), (1, 2, 3, "stream s0: 2 answers, expected 1"),
  ])
  func answersThatAreMissingOrTooManyDifferAtTheirNumber(
    expected: Int, received: Int, wrong: Int, first: String
  ) throws {
    func values(_ count: Int) -> [[Float]] {
      [Array([0.1, 0.2, 0.3, 0.4].prefix(count)), [0.25, 0.75, 0.5, 0.9]]
    }
    var answers = values(received)
    answers[1][wrong] = 0.1
    let verdict = try LineComparison(tolerance: .init())
      .compare(lines(answers), with: .lines(lines(values(expected))))
    #expect(verdict.difference?.hasPrefix(first) == true, "\(verdict.difference ?? "none")")
  }

  @Test func theSameIsTheSame() throws {
    let comparison = try compare([[0.1, 0.2]], [[0.1, 0.2]])
    #expect(comparison.verdict.isGood)
    #expect(comparison.text.contains("same bytes          2 of 2"))
    #expect(comparison.page.contains("every number is the same"))
  }

  @Test func aToleranceAllowsADifference() throws {
    let comparison = try compare([[0.1, 0.2]], [[0.1, 0.201]], atol: 0.01)
    #expect(comparison.verdict.isGood)
    #expect(comparison.verdict.largestDifference > 0)
  }

  @Test func longRunsShareTheirPoints() throws {
    let long = (0..<1000).map { Float($0) / 2000 }
    let comparison = try compare([long], [long.map { $0 + 0.001 }])
    #expect(comparison.bins.count <= ModelComparison.binsMax)
    #expect(comparison.bins.map(\.answers).reduce(0, +) == 1000)
  }

  @Test func theReportFetchesNothingAndEscapesNames() throws {
    let page = try compare([[0.1, 0.9]], [[0.2, 0.4]]).page
    #expect(page.contains("one &lt;&amp;&gt;"))
    #expect(page.contains("<polyline"))
    for word in ["<script", "http://", "https://", "@import", "url("] {
      #expect(!page.contains(word))
    }
  }

  @Test func openStreamsMayAnswerMore() throws {
    let one = lines([[0.1, 0.2]]), two = lines([[0.1, 0.2, 0.3]])
    let strict = try LineComparison(tolerance: .init()).compare(two, with: .lines(one))
    #expect(strict.difference == "stream s0: 3 answers, expected 2")
    let open = LineComparison(tolerance: .init(), openStreams: [StreamID(literal: "s0")])
    #expect(try open.compare(two, with: .lines(one)).isGood)
    #expect(
      try open.compare(one, with: .lines(two)).difference == "stream s0: 2 answers, expected 3")
  }
}
