import Testing
import Wire

/// One test a sentence of "Order of checks for data" in `Docs/protocol.md`.
struct StreamSequenceTests {
  private typealias Admission = StreamSequence.Admission
  private let applied = StreamSequence.Admission.apply(skip: 0, begins: false, resets: false)
  private let begun = StreamSequence.Admission.apply(skip: 0, begins: true, resets: false)

  /// A stream with `count` elements applied.
  private func open(_ count: UInt64, epoch: UInt64 = 0) -> StreamSequence {
    var sequence = StreamSequence()
    _ = sequence.admit(number: 0, count: count, epoch: epoch, flags: [], milliseconds: 0)
    sequence.advance(to: count)
    return sequence
  }

  private func closed(_ count: UInt64) -> StreamSequence {
    var sequence = open(count)
    sequence.close()
    return sequence
  }

  private func admit(
    _ sequence: inout StreamSequence, _ number: UInt64, _ count: UInt64 = 1, epoch: UInt64 = 0,
    flags: MessageFlags = [], at milliseconds: UInt64 = 0
  ) -> StreamSequence.Admission {
    sequence.admit(
      number: number, count: count, epoch: epoch, flags: flags, milliseconds: milliseconds)
  }

  @Test func anUnknownStreamStartsByItselfAtNumber0() {
    var sequence = StreamSequence()
    #expect(admit(&sequence, 0) == begun)
    #expect(sequence.phase == .open)
  }

  @Test func anUnknownStreamAtAnotherNumberNeedsSTART() {
    var sequence = StreamSequence()
    #expect(admit(&sequence, 5) == .refuse(.noStart, expected: 0))
    #expect(sequence.phase == .unknown)
    #expect(admit(&sequence, 5, flags: .start) == begun)
    #expect(sequence.expected == 5)
  }

  @Test func theNextMessageIsApplied() {
    var sequence = open(3)
    #expect(admit(&sequence, 3, 2) == applied)
  }

  @Test func aLowerEpochIsFenced() {
    var sequence = open(3, epoch: 7)
    #expect(admit(&sequence, 3, epoch: 6) == .refuse(.fenced, expected: 3))
    #expect(admit(&sequence, 3, epoch: 0) == .refuse(.fenced, expected: 3))
  }

  @Test func aHigherEpochWithSTARTEndsTheOldLifeAndBeginsANewOne() {
    var sequence = open(3, epoch: 7)
    #expect(admit(&sequence, 100, epoch: 8, flags: .start) == begun)
    #expect(sequence.expected == 100)
    #expect(sequence.epoch == 8)
  }

  @Test func aHigherEpochWithoutSTARTTakesOverAndNumbersGoOn() {
    var sequence = open(3, epoch: 7)
    #expect(admit(&sequence, 3, epoch: 8) == applied)
    #expect(sequence.epoch == 8)
    #expect(admit(&sequence, 3, epoch: 7) == .refuse(.fenced, expected: 3))
  }

  @Test func belowTheExpectedNumberIsADuplicate() {
    var sequence = open(10)
    #expect(admit(&sequence, 0, 10) == .duplicate)
    #expect(admit(&sequence, 4, 2) == .duplicate)
    #expect(sequence.expected == 10)
  }

  @Test func aMessageThatBeginsBelowIsAppliedFromTheExpectedNumberOn() {
    var sequence = open(10)
    #expect(admit(&sequence, 8, 5) == .apply(skip: 2, begins: false, resets: false))
  }

  @Test func aGapIsRefusedOnceAndThenPassedOverForASecond() {
    var sequence = open(10)
    #expect(admit(&sequence, 12, at: 5000) == .refuse(.gap, expected: 10))
    #expect(admit(&sequence, 13, at: 5001) == .passOver)
    #expect(admit(&sequence, 14, at: 5999) == .passOver)
    #expect(admit(&sequence, 15, at: 6000) == .refuse(.gap, expected: 10))
  }

  @Test func theMissingNumberEndsTheSilence() {
    var sequence = open(10)
    _ = admit(&sequence, 12, at: 5000)
    #expect(admit(&sequence, 10, at: 5001) == applied)
    sequence.advance(to: 11)
    #expect(admit(&sequence, 12, at: 5002) == .refuse(.gap, expected: 11))
  }

  @Test func STARTOnAnOpenStreamIsAlreadyOpen() {
    var sequence = open(10)
    #expect(admit(&sequence, 10, flags: .start) == .refuse(.alreadyOpen, expected: 10))
    #expect(admit(&sequence, 20, flags: .start) == .refuse(.alreadyOpen, expected: 10))
    // Sent again, it is the first message once more.
    #expect(admit(&sequence, 0, 10, flags: .start) == .duplicate)
  }

  @Test func theSameENDAgainIsAcknowledged() {
    var sequence = closed(10)
    #expect(admit(&sequence, 10, 0, flags: .end) == .endAgain)
    #expect(admit(&sequence, 8, 2, flags: .end) == .endAgain)
  }

  /// A whole life in one message: only its own producer can mean the life that ended.
  @Test func anotherProducersLifeOfOneMessageIsNoENDAgain() {
    var sequence = closed(2)
    #expect(admit(&sequence, 0, 2, flags: .end) == .endAgain)
    #expect(admit(&sequence, 1, 1, epoch: 7, flags: .end) == .endAgain)
    #expect(admit(&sequence, 0, 2, epoch: 7, flags: .end) == begun)
    #expect(sequence.epoch == 7 && sequence.phase == .open)
  }

  @Test func behindENDOnlySTARTOrNumber0BeginANewLife() {
    var sequence = closed(10)
    #expect(admit(&sequence, 10) == .refuse(.closed, expected: 10))
    #expect(admit(&sequence, 10, flags: .start) == begun)
    var other = closed(10)
    #expect(admit(&other, 0) == begun)
    #expect(other.expected == 0)
  }

  @Test func RESETActsOnce() {
    var sequence = open(10)
    #expect(admit(&sequence, 10, 0, flags: .reset) == .apply(skip: 0, begins: false, resets: true))
    // A bare RESET cannot be told from its repeat: it acts again only behind new input.
    #expect(admit(&sequence, 10, 0, flags: .reset) == applied)
    #expect(admit(&sequence, 10, 2) == applied)
    sequence.advance(to: 12)
    #expect(admit(&sequence, 12, 1, flags: .reset) == .apply(skip: 0, begins: false, resets: true))
    sequence.advance(to: 13)
    #expect(admit(&sequence, 12, 3, flags: .reset) == .apply(skip: 1, begins: false, resets: false))
  }

  @Test func aNumberThatOverflowsIsABadHeader() {
    var sequence = open(10)
    #expect(admit(&sequence, .max, 2) == .refuse(.badHeader, expected: 10))
    #expect(sequence.expected == 10)
  }

  @Test func PEEKIsOnlyForTheExpectedNumber() {
    var sequence = open(10)
    #expect(admit(&sequence, 10, 1, flags: .peek) == applied)
    #expect(admit(&sequence, 9, 1, flags: .peek) == .refuse(.gap, expected: 10))
    #expect(sequence.expected == 10)
  }
}
