import Foundation
import Wire

/// Two models' answers to the same recording.
package struct ModelComparison: Sendable {
  /// One stream's answers.
  struct Row: Sendable {
    var stream: StreamID
    var answers = 0
    var sameLabels = 0
    var labels = 0
    var largestDifference = 0.0
    /// The number of the first answer that differs by more than is allowed.
    var firstDifference: UInt64?
  }

  /// Answers with the same number, or of a range of numbers, over all streams.
  struct Bin: Sendable {
    var number: UInt64
    var answers = 0
    var largestDifference = 0.0
    var sameLabels = 0
    var labels = 0
  }

  /// A label that became another one.
  struct Change: Sendable, Hashable {
    var from: String
    var to: String
  }

  package let verdict: Verdict
  let names: [String]
  let recording: String
  let tolerance: TestFile.Tolerance
  private(set) var rows: [Row] = []
  private(set) var bins: [Bin] = []
  /// The most frequent ones, the most frequent first.
  private(set) var changes: [(change: Change, count: Int)] = []
  /// Answers by the power of ten of their largest difference; nil is none at all.
  private(set) var powers: [Int?: Int] = [:]

  /// Points of a plot; more numbers share one.
  static let binsMax = 240

  /// - Parameters:
  ///   - first: the lines of the model that is expected to be right.
  ///   - second: those of the other one.
  ///   - tolerance: differences that are allowed.
  ///   - names: of both models, for people.
  ///   - recording: its file.
  /// - Throws: a `JSONError` for lines that are none of ours.
  init(
    first: [StreamID: [String]], second: [StreamID: [String]], tolerance: TestFile.Tolerance,
    names: [String], recording: String
  ) throws {
    self.names = names
    self.recording = recording
    self.tolerance = tolerance
    verdict = try LineComparison(tolerance: tolerance).compare(second, with: .lines(first))
    var counts: [Change: Int] = [:]
    let longest = first.values.map(\.count).max() ?? 0
    let width = max(1, (longest + ModelComparison.binsMax - 1) / ModelComparison.binsMax)
    bins = (0..<(longest + width - 1) / width).map { Bin(number: UInt64($0 * width)) }
    for (stream, lines) in first.sorted(by: { $0.key < $1.key }) {
      var row = Row(stream: stream)
      for (index, (line, other)) in zip(lines, second[stream] ?? []).enumerated() {
        let want = try AnswerLine(line)
        let have = try AnswerLine(other)
        var answer = AnswerComparison(tolerance: tolerance)
        answer.compare(have, with: want)
        row.add(answer, number: want.number)
        bins[index / width].add(answer)
        let difference = answer.largestDifference
        powers[difference > 0 ? ModelComparison.power(of: difference) : nil, default: 0] += 1
        if answer.hasSameLabel == false {
          counts[Change(from: want.label ?? "none", to: have.label ?? "none"), default: 0] += 1
        }
      }
      rows.append(row)
    }
    changes = counts.sorted {
      ($1.value, $0.key.from, $0.key.to) < ($0.value, $1.key.from, $1.key.to)
    }
    .prefix(10).map { ($0.key, $0.value) }
  }

  private static func power(of difference: Double) -> Int {
    difference.isFinite ? Int(log10(difference).rounded(.down)) : 40
  }

  /// The streams that differ most, for a table that stays short.
  var worst: [Row] {
    Array(
      rows.sorted {
        ($1.largestDifference, $0.stream) < ($0.largestDifference, $1.stream)
      }.prefix(20))
  }
}

extension ModelComparison.Row {
  fileprivate mutating func add(_ answer: AnswerComparison, number: UInt64) {
    answers += 1
    largestDifference = max(largestDifference, answer.largestDifference)
    if answer.difference != nil, firstDifference == nil { firstDifference = number }
    guard let isSame = answer.hasSameLabel else { return }
    labels += 1
    if isSame { sameLabels += 1 }
  }
}

extension ModelComparison.Bin {
  fileprivate mutating func add(_ answer: AnswerComparison) {
    answers += 1
    largestDifference = max(largestDifference, answer.largestDifference)
    guard let isSame = answer.hasSameLabel else { return }
    labels += 1
    if isSame { sameLabels += 1 }
  }
}
