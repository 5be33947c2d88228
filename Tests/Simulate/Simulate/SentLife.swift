/// One life of a stream, as its client knows it.
final class SentLife {
  let script: LifeScript
  let expected: ExpectedAnswers
  let stream: String

  /// Elements sent, counted from the life's first; goes back when they are to be sent again.
  var sent = 0
  /// The most that was ever sent.
  var sentMost = 0
  /// Whether START was sent, and END.
  var isBegun = false
  var isEndSent = false { didSet { wasEndSent = wasEndSent || isEndSent } }
  private(set) var wasEndSent = false
  /// Elements that were acknowledged; nil before anything was.
  private(set) var acknowledged: Int?
  /// Elements that a welcome has told of, which is told of nothing that can be lost.
  private var welcomed: Int?
  /// Whether the last answer came, or a welcome said that all were given.
  var isClosed = false
  /// Answers that came, by their place in `expected`; how often.
  private(set) var answered: [Int]
  /// Elements that were refused for good; how often.
  private(set) var refused: [Int: Int] = [:]
  /// Whether answers may be missing: its client was away for longer than they are kept, or has begun
  /// another life and lost its connection.
  var mayMiss = false
  /// Answers below this number may be missing: they were lost, and then their stream was parked.
  var mayMissBelow: UInt64 = 0
  /// Refusals of elements below this one may be missing: no store keeps them.
  private var mayMissRefusalsBelow = 0

  init(_ script: LifeScript, _ expected: ExpectedAnswers, stream: String) {
    self.script = script
    self.expected = expected
    self.stream = stream
    answered = Array(repeating: 0, count: expected.answers.count)
  }

  var count: Int { script.elements.count }

  /// Elements that the pipeline refuses.
  var badElements: [Int] { script.elements.indices.filter { script.elements[$0] < 0 } }

  /// Whether there is more to be sent.
  var hasMore: Bool { !isBegun || sent < count || script.ends && !isEndSent }

  /// Whether nothing of it can be lost any more.
  var isAcknowledged: Bool {
    isClosed || !hasMore && acknowledged == count && !script.ends && isBegun
  }

  /// Whether all that was due has come.
  var isAnswered: Bool {
    zip(answered, expected.answers).allSatisfy { $0 > 0 || $1.number < mayMissBelow }
      && (isClosed || !script.ends)
      && badElements.allSatisfy { refused[$0] != nil || $0 < mayMissRefusalsBelow }
  }

  var isAnsweredOnce: Bool {
    answered.allSatisfy { $0 == 1 } && refused.values.allSatisfy { $0 == 1 }
  }

  /// The first answer or refusal that has not come; nil when none is missing.
  var wanted: UInt64? {
    let answer = answered.firstIndex(of: 0).map { expected.answers[$0].number }
    let refusal = badElements.first { refused[$0] == nil }.map { script.first + UInt64($0) }
    return [answer, refusal].compactMap(\.self).min()
  }

  /// Those that were given so far may be lost.
  func loseRefusals() { mayMissRefusalsBelow = sentMost }

  // MARK: What comes

  func acknowledge(below number: UInt64) throws {
    let most = script.first + UInt64(sentMost)
    guard number >= script.first, number <= most else {
      throw Violation(
        "an acknowledgement covers what was sent, no more", at: place,
        expected: "\(script.first) to \(most)", received: "\(number)")
    }
    acknowledged = max(acknowledged ?? 0, Int(number - script.first))
  }

  /// Takes a row of an answer; whether it had come before.
  func take(number: UInt64, row: [Float], token: Int32?) throws -> Bool {
    guard let place = expected.place(of: number) else {
      throw Violation(
        "every answer is due", at: "\(self.place), step \(number)",
        expected: "answers \(expected.answers.map(\.number))", received: "one more")
    }
    let answer = expected.answers[place]
    guard answer.row.map(\.bitPattern) == row.map(\.bitPattern), answer.token == token else {
      throw Violation(
        "an answer has the same bits as in an undisturbed run", at: "\(self.place), step \(number)",
        expected: "\(answer.row) token \(answer.token.map(String.init) ?? "none")",
        received: "\(row) token \(token.map(String.init) ?? "none")")
    }
    answered[place] += 1
    return answered[place] > 1
  }

  func takeRefusal(of number: UInt64, through end: UInt64, code: String) throws {
    guard number >= script.first, end == number + 1,
      badElements.contains(Int(number - script.first))
    else {
      throw Violation(
        "only what is wrong is refused for good", at: "\(place), numbers \(number)..<\(end)",
        expected: "refusals of \(badElements.map { script.first + UInt64($0) })", received: code)
    }
    refused[Int(number - script.first), default: 0] += 1
  }

  /// Goes on where a welcome says.
  func goOn(from number: UInt64, isClosed: Bool) throws {
    try checkNothingLost(expected: number)
    sent = Int(number - script.first)
    welcomed = max(welcomed ?? 0, sent)
    isBegun = true
    isEndSent = false
    // The acknowledgement of the last may be lost: what comes again is acknowledged again.
    if sent == count, sent > 0, !script.ends, acknowledged != count {
      sent -= 1
      isBegun = sent > 0
    }
    if isClosed {
      self.isClosed = true
      isEndSent = true
      sent = count
    }
  }

  /// The daemon knows nothing of this life.
  func beginAgain() throws {
    if let told {
      throw Violation(
        "what was acknowledged is never lost", at: place,
        expected: "at least \(script.first + UInt64(told)), which was acknowledged",
        received: "the life is unknown")
    }
    (sent, isBegun, isEndSent) = (0, false, false)
  }

  /// Whether the daemon has said that it has any of it.
  var isKnown: Bool { told != nil }

  /// What the daemon has said that it has: a client need not keep it any more.
  private var told: Int? { [acknowledged, welcomed].compactMap(\.self).max() }

  private func checkNothingLost(expected number: UInt64) throws {
    let least = script.first + UInt64(told ?? 0)
    let most = script.first + UInt64(sentMost)
    guard number >= least else {
      throw Violation(
        "what was acknowledged is never lost", at: place,
        expected: "at least \(least), which was acknowledged", received: "\(number)")
    }
    guard number <= most else {
      throw Violation(
        "a welcome expects no more than was sent", at: place, expected: "at most \(most)",
        received: "\(number)")
    }
  }

  var place: String { "stream \(stream), life of epoch \(script.epoch)" }
}
