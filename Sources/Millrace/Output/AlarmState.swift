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

// MARK: Portable bytes

extension AlarmState {
  /// Little-endian: flags (raised, a last number), the answers in a row, the first of them, the last.
  var encoded: [UInt8] {
    var bytes: [UInt8] = [(isRaised ? 1 : 0) + (lastNumber == nil ? 0 : 2)]
    for value in [UInt64(count), since, lastNumber ?? 0] {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Nil for bytes that are no such state, or of a count that cannot go on.
  init?(decoding bytes: [UInt8]) {
    guard bytes.count == 25, bytes[0] <= 3 else { return nil }
    func word(_ place: Int) -> UInt64 {
      bytes.withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 1 + 8 * place, as: UInt64.self))
      }
    }
    guard let count = Int(exactly: word(0)), count < .max else { return nil }
    isRaised = bytes[0] & 1 != 0
    self.count = count
    since = word(1)
    if bytes[0] & 2 != 0 { lastNumber = word(2) }
  }
}
