/// How one answer compares with what was expected of it.
struct AnswerComparison {
  let tolerance: TestFile.Tolerance
  /// What differs first by more than is allowed; nil when nothing does.
  private(set) var difference: String?
  private(set) var largestDifference = 0.0
  private(set) var largestRelativeDifference = 0.0
  /// Nil where no label was expected.
  private(set) var hasSameLabel: Bool?
  var isSameLine = false

  init(tolerance: TestFile.Tolerance) { self.tolerance = tolerance }

  private mutating func fail(_ text: @autoclosure () -> String) {
    if difference == nil { difference = text() }
  }

  mutating func compare(_ have: AnswerLine, with want: AnswerLine) {
    if have.number != want.number { fail("received number \(have.number)") }
    if let token = want.token, have.token != token {
      fail("token \(have.token ?? "none"), expected \(token)")
    }
    if let label = want.label { compare(label: have.label, label) }
    if have.isEnd != want.isEnd { fail("end \(have.isEnd), expected \(want.isEnd)") }
    if let score = want.score { compare(have.score, score, "score") }
    if let anomaly = want.anomaly { compare(have.anomaly, anomaly, "anomaly") }
    guard let values = want.values else { return }
    compare(values: have.values, values)
  }

  /// Only the keys of `entry` are compared.
  mutating func compare(_ have: AnswerLine, entry: [String: String]) {
    for (key, want) in entry.sorted(by: { $0.key < $1.key }) {
      switch key {
      case "number" where "\(have.number)" != want: fail("expected number \(want)")
      case "token" where have.token != want:
        fail("token \(have.token ?? "none"), expected \(want)")
      case "label": compare(label: have.label, want)
      case "end" where "\(have.isEnd)" != want: fail("end \(have.isEnd), expected \(want)")
      case "score": compare(have.score, Float(want) ?? .nan, "score")
      case "anomaly": compare(have.anomaly, Float(want) ?? .nan, "anomaly")
      case "values":
        compare(values: have.values, want.split(separator: ",").map { Float($0) ?? .nan })
      default: break
      }
    }
  }

  private mutating func compare(label: String?, _ expected: String) {
    hasSameLabel = label == expected
    if label != expected { fail("label \(label ?? "none"), expected \(expected)") }
  }

  private mutating func compare(values: [Float]?, _ expected: [Float]) {
    guard let values, values.count == expected.count else {
      return fail("\(values?.count ?? 0) values, expected \(expected.count)")
    }
    for (index, value) in expected.enumerated() {
      compare(values[index], value, "value \(index)")
    }
  }

  private mutating func compare(_ received: Float?, _ expected: Float, _ what: String) {
    guard let received else { return fail("no \(what), expected \(expected)") }
    // What is null on both sides is the same.
    if received.isNaN, expected.isNaN { return }
    let difference = abs(Double(received) - Double(expected))
    largestDifference = max(largestDifference, difference)
    if difference > 0, expected != 0 {
      largestRelativeDifference = max(
        largestRelativeDifference, difference / abs(Double(expected)))
    }
    let allowed = tolerance.absolute + tolerance.relative * abs(Double(expected))
    // Not "greater": a NaN on one side is a difference.
    if !(difference <= allowed) {
      fail("\(what) is \(received), expected \(expected) (within \(allowed))")
    }
  }
}
