/// One stream's alarm.
struct AlarmState {
  private(set) var isRaised = false
  /// Answers in a row that speak for a change, and the number of the first of them.
  private var count = 0
  private var since: UInt64 = 0
  private(set) var lastNumber: UInt64?

  /// Takes one answer.
  ///
  /// A score that is no number speaks for no change.
  mutating func take(_ score: Float, number: UInt64, rule: AlarmRule) -> AlarmEvent? {
    lastNumber = number
    guard isRaised ? score < rule.off : score >= rule.on else {
      count = 0
      return nil
    }
    if count == 0 { since = number }
    count += 1
    guard count >= (isRaised ? rule.offAnswers : rule.onAnswers) else { return nil }
    isRaised.toggle()
    count = 0
    return AlarmEvent(
      kind: isRaised ? .raised : .cleared, number: number, since: since, score: score)
  }

  /// A stream that ends leaves no alarm behind.
  mutating func end() -> AlarmEvent? {
    guard isRaised, let lastNumber else { return nil }
    isRaised = false
    return AlarmEvent(kind: .cleared, number: lastNumber, since: lastNumber, score: nil)
  }
}
