/// How far a shadow's answers differ from those that were given.
struct ShadowReport: Codable, Equatable, Sendable {
  var steps: UInt64 = 0
  /// Steps at which the largest value is another one; counted for distributions only.
  var labelsDiffer: UInt64 = 0
  /// The largest difference of a value, and the sum of each step's largest.
  var largestDifference: Float = 0
  var differenceSum: Double = 0

  /// Compares one step's output rows.
  mutating func compare(
    _ answer: UnsafeBufferPointer<Float>, with shadow: UnsafeBufferPointer<Float>,
    areDistributions: Bool
  ) {
    steps += 1
    var largest: Float = 0
    var (best, other) = (0, 0)
    for index in answer.indices {
      largest = max(largest, abs(answer[index] - shadow[index]))
      if answer[index] > answer[best] { best = index }
      if shadow[index] > shadow[other] { other = index }
    }
    if areDistributions, best != other { labelsDiffer += 1 }
    largestDifference = max(largestDifference, largest)
    differenceSum += Double(largest)
  }

  static func + (left: ShadowReport, right: ShadowReport) -> ShadowReport {
    ShadowReport(
      steps: left.steps + right.steps, labelsDiffer: left.labelsDiffer + right.labelsDiffer,
      largestDifference: max(left.largestDifference, right.largestDifference),
      differenceSum: left.differenceSum + right.differenceSum)
  }

  /// The mean over the steps of each one's largest difference.
  var meanDifference: Double { steps > 0 ? differenceSum / Double(steps) : 0 }
}
