import Testing
import Wire

/// What becomes of a message's number: once, in order, and refused in words.
struct NumberTests {
  private let running: RunningPipeline
  private let client: WireClient

  init() throws {
    running = try RunningPipeline(.hello)
    client = try running.client()
  }

  private func refusal(_ code: RefusalCode) throws -> Refusal {
    let refusals = try client.refusals()
    guard refusals.count == 1, refusals[0].code == code else {
      throw HarnessError.unexpected("expected one \(code.rawValue), received \(refusals)")
    }
    return refusals[0]
  }

  @Test("fault 8: a duplicate is answered again and takes no step")
  func aDuplicateIsAnsweredAgainFromTheCache() throws {
    try client.send(.text("hell"), to: "a", number: 0)
    let first = try client.answers(of: "a", steps: 4)
    try client.send(.text("hell"), to: "a", number: 0)
    let again = try client.answers(of: "a", steps: 4)
    #expect(again.flatMap(\.payload) == first.flatMap(\.payload))
    #expect(again.flatMap(\.tokenIDs) == [0, 1, 2, 2])
    // The state has not moved: the fifth step answers as it does behind four.
    try client.send(.text("o"), to: "a", number: 4)
    let fifth = try client.answers(of: "a", steps: 1)
    try client.send(.text("hello"), to: "b", number: 0)
    let undisturbed = try client.answers(of: "b", steps: 5).flatMap(\.rows)
    #expect(fifth.flatMap(\.rows) == [undisturbed[4]])
    #expect(fifth[0].header.number == 4)
  }

  @Test func aMessageThatBeginsBelowIsAppliedFromTheExpectedNumberOn() throws {
    try client.send(.text("hel"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 3)
    try client.send(.text("ello"), to: "a", number: 1)
    let answers = try client.answers(of: "a", steps: 2)
    #expect(answers[0].header.number == 3)
    #expect(answers.flatMap(\.tokenIDs) == [2, 3])
    try client.send(.text("hello"), to: "b", number: 0)
    let whole = try client.answers(of: "b", steps: 5).flatMap(\.rows)
    #expect(answers.flatMap(\.rows) == Array(whole[3...]))
  }

  @Test("fault 9: a gap is refused once with the number expected")
  func aGapIsRefusedOnceWithTheNumberExpected() throws {
    try client.send(.text("h"), to: "a", number: 0)
    try client.send(.text("l"), to: "a", number: 2)
    try client.send(.text("l"), to: "a", number: 3)
    try client.send(.text("o"), to: "a", number: 4)
    // Other streams are not held up.
    try client.send(.text("h"), to: "b", number: 0)
    let gap = try refusal(.gap)
    #expect(gap.expected == "1")
    #expect(gap.received == "2")
    #expect(gap.retry)
    try client.send(.text("ello"), to: "a", number: 1)
    try client.send(.text("o"), to: "a", number: 9)
    #expect(try refusal(.gap).expected == "5")
    let welcome = try client.hello(["a": 0, "b": 0])
    #expect(welcome.streams["a"]?.expected == 5)
    #expect(welcome.streams["b"]?.expected == 1)
  }

  @Test func otherBytesForAnAppliedNumberAreAConflict() throws {
    try client.send(.text("hell"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 4)
    try client.send(.text("eh"), to: "a", number: 1)
    let conflict = try refusal(.conflict)
    #expect(!conflict.retry)
    // The stream goes on.
    try client.send(.text("o"), to: "a", number: 4)
    #expect(try client.answers(of: "a", steps: 1)[0].header.number == 4)
  }

  @Test func otherBytesBelowTheExpectedNumberAreAConflictInALongerMessageToo() throws {
    try client.send(.text("hell"), to: "a", number: 0)
    _ = try client.answers(of: "a", steps: 4)
    try client.send(.text("ho"), to: "a", number: 3)
    _ = try refusal(.conflict)
    try client.send(.text("lo"), to: "a", number: 3)
    #expect(try client.answers(of: "a", steps: 1).flatMap(\.tokenIDs) == [3])
  }

  @Test("fault 12: START in an open stream is refused")
  func startOnAnOpenStreamIsAlreadyOpen() throws {
    try client.send(.text("he"), to: "a", number: 0, flags: .start)
    try client.send(.text("ll"), to: "a", number: 2, flags: .start)
    let refusal = try refusal(.alreadyOpen)
    #expect(refusal.expected == "2")
    #expect(!refusal.retry)
    // START with a number that was applied is a duplicate.
    try client.send(.text("he"), to: "a", number: 0, flags: .start)
    #expect(try client.refusals().isEmpty)
    #expect(try client.hello(["a": nil]).streams["a"]?.expected == 2)
  }

  @Test("fault 13: the same END is acknowledged again")
  func theSameEndIsAcknowledgedAgain() throws {
    try client.send(.text("hell"), to: "a", number: 0, flags: .end)
    let first = try client.answersToEnd(of: "a")
    try client.send(.text("hell"), to: "a", number: 0, flags: .end)
    #expect(try client.receive(.acknowledge, of: "a").header.number == 4)
    let again = try client.answersToEnd(of: "a")
    #expect(again.flatMap(\.rows) == first.flatMap(\.rows))
    try client.send(.none, to: "a", number: 4, flags: .end)
    #expect(try client.refusals().isEmpty)
    let welcome = try client.hello(["a": nil])
    #expect(welcome.streams["a"] == .init(expected: 4, closed: true, answers: 4))
  }

  @Test("fault 13: data behind END is refused")
  func dataBehindTheEndIsClosed() throws {
    try client.send(.text("he"), to: "a", number: 0, flags: .end)
    _ = try client.answersToEnd(of: "a")
    try client.send(.text("l"), to: "a", number: 2)
    let refusal = try refusal(.closed)
    #expect(refusal.expected == "2")
    #expect(!refusal.retry)
  }

  @Test(
    "fault 13: START or number 0 begins a new life behind END",
    arguments: [MessageFlags.start, []])
  func startOrNumberZeroBeginsANewLife(flags: MessageFlags) throws {
    for (number, character) in ["h", "e", "l", "l"].enumerated() {
      try client.send(.text(character), to: "a", number: UInt64(number))
    }
    try client.send(.none, to: "a", number: 4, flags: .end)
    // Not waiting for the end: the answers of the old life are still under way.
    let number: UInt64 = flags.contains(.start) ? 4 : 0
    try client.send(.text("oh"), to: "a", number: number, flags: flags)
    let old = try client.answersToEnd(of: "a")
    #expect(old.flatMap(\.tokenIDs) == [0, 1, 2, 2])
    let new = try client.answers(of: "a", steps: 2)
    #expect(new.flatMap(\.tokenIDs) == [3, 0])
    #expect(new[0].header.number == 0)
    #expect(new.last?.header.input == number + 2)
    // The cache has forgotten the old life, answers that came late included.
    try client.send(.text("oh"), to: "a", number: number)
    try client.send(.none, to: "a", number: number + 2, flags: .end)
    let again = try client.answersToEnd(of: "a")
    #expect(again.flatMap(\.rows) == new.flatMap(\.rows))
    try client.send(.text("oh"), to: "b", number: 0, flags: .end)
    #expect(try client.answersToEnd(of: "b").flatMap(\.rows) == new.flatMap(\.rows))
  }

  @Test("fault 11: an unknown stream needs START or number 0")
  func anUnknownStreamNeedsStartOrNumberZero() throws {
    try client.send(.text("h"), to: "a", number: 5)
    let refusal = try refusal(.noStart)
    #expect(!refusal.retry)
    try client.send(.text("h"), to: "a", number: 5, flags: .start)
    let answer = try client.answers(of: "a", steps: 1)[0]
    #expect(answer.header.number == 0)
    #expect(answer.header.input == 6)
  }

  @Test("fault 12: a higher epoch fences the lower one, and begins anew with START")
  func aLowerEpochIsFencedAndAHigherOneTakesOver() throws {
    try client.send(.text("he"), to: "a", number: 0, epoch: 10)
    try client.send(.text("l"), to: "a", number: 2, epoch: 9)
    #expect(try refusal(.fenced).retry == false)
    // Without START the state goes on.
    try client.send(.text("l"), to: "a", number: 2, epoch: 11)
    try client.send(.text("l"), to: "a", number: 3, epoch: 10)
    _ = try refusal(.fenced)
    try client.send(.text("l"), to: "a", number: 3, epoch: 11)
    let goneOn = try client.hello(["a": nil])
    #expect(goneOn.streams["a"]?.expected == 4)
    // With START it begins anew at any number.
    try client.send(.text("h"), to: "a", number: 100, flags: .start, epoch: 12)
    try client.send(.none, to: "a", number: 101, flags: .end, epoch: 12)
    let all = try client.answersToEnd(of: "a")
    try client.send(.text("hell"), to: "b", number: 0)
    let whole = try client.answers(of: "b", steps: 4).flatMap(\.rows)
    let fresh = all.filter { $0.header.epoch == 12 && $0.header.count > 0 }
    #expect(fresh.flatMap(\.rows) == [whole[0]])
    #expect(fresh.map(\.header.number) == [0])
  }

  @Test("fault 27: a client that has forgotten its window begins a life of its own")
  func aNewLifeIsAnsweredWhileTheOldOneIsUnderWay() throws {
    try client.send(.text("hell"), to: "a", number: 0, epoch: 1)
    try client.send(.text("oh"), to: "a", number: 0, flags: .start, epoch: 2)
    try client.send(.none, to: "a", number: 2, flags: .end, epoch: 2)
    let answers = try client.answersToEnd(of: "a")
    #expect(answers.filter { $0.header.epoch == 1 }.flatMap(\.tokenIDs) == [0, 1, 2, 2])
    #expect(answers.filter { $0.header.epoch == 2 }.flatMap(\.tokenIDs) == [3, 0])
    #expect(try client.hello(["a": nil]).streams["a"]?.answers == 2)
  }

  @Test func resetZeroesTheStateAndNumberingGoesOn() throws {
    try client.send(.text("hel"), to: "a", number: 0)
    try client.send(.text("hel"), to: "a", number: 3, flags: .reset)
    try client.send(.none, to: "a", number: 6, flags: .reset)
    try client.send(.text("hel"), to: "a", number: 6, flags: .end)
    let answers = try client.answersToEnd(of: "a").filter { $0.header.count > 0 }
    #expect(answers.map(\.header.number).first == 0)
    let rows = answers.flatMap(\.rows)
    #expect(rows.count == 9)
    #expect(rows[3..<6] == rows[0..<3])
    #expect(rows[6..<9] == rows[0..<3])
    #expect(answers.last?.header.input == 9)
    #expect(answers.last.map { $0.header.number + UInt64($0.header.count) } == 9)
  }
}
