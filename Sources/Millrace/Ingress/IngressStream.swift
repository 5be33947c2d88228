import DequeModule
import Durability
import Monitoring
import Tokenization
import Wire

/// One stream inside the tokenizer stage: where its input stands, and what is under way for it.
///
/// Thousands of them are idle at a time: what few have stands apart, and fields are in an order that
/// leaves no gaps.
final class IngressStream: IdleStream {
  let id: StreamID
  var sequence = StreamSequence()
  /// Where it began, if that is not 0, what text and rows have begun, and what START gave; nil where
  /// there is none of it.
  private var begun: Begun?
  /// How it stands to the store; nil without one.
  private var logging: Logging?
  /// The next step's number.
  var nextStep: UInt64 = 0
  /// The next answer's number, for a welcome.
  var nextAnswer: UInt64 = 0
  /// Answers below this number were handed to a client by this process.
  var answered: UInt64 = 0
  /// Input below this number has been answered in this life, as far as this process knows.
  var answeredInput: UInt64 = 0
  /// Tells its lives apart, over all streams and restarts: what is under way may belong to the one
  /// before.
  private(set) var life: UInt64 = 0
  /// Messages that went to the worker in this life.
  var messages: UInt64 = 0
  /// The inference worker that it always goes to.
  private let workerIndex: UInt16
  /// A generation has 22 bits.
  private var generationLow: UInt16 = 0
  private var generationHigh: UInt8 = 0
  private var pendingBits: UInt8 = 0
  /// Whether a client has sent to it or greeted for it since the daemon started.
  var isClaimed = true
  /// Whether a checkpoint of it is to be kept at the next round.
  var isKeepDue = false
  /// Messages to the worker that are not covered yet, oldest first.
  var underWay: Deque<UnderWay> = []
  /// Whoever sent to it or greeted for it last; that one may have gone.
  var sender: Connection?
  /// Its newest entry in the answer cache; below 0 for none.
  var newestCached = -1

  init(id: StreamID, worker: Int) {
    self.id = id
    workerIndex = UInt16(worker)
  }

  /// Steps of the sequence so far.
  var sequenceSteps: Int { Int(nextStep - min(nextStep, sequenceStart)) }

  var worker: Int { Int(workerIndex) }

  /// The model that its last message was for.
  var generation: UInt64 {
    get { UInt64(generationHigh) << 16 | UInt64(generationLow) }
    set {
      generationLow = UInt16(truncatingIfNeeded: newValue)
      generationHigh = UInt8(truncatingIfNeeded: newValue >> 16)
    }
  }

  /// Flags that the next message to the worker must carry: START or RESET.
  var pendingFlags: MessageFlags {
    get { MessageFlags(rawValue: UInt16(pendingBits)) }
    set { pendingBits = UInt8(truncatingIfNeeded: newValue.rawValue) }
  }

  /// Whether its life has ended here, and its last answer was given.
  var isAnsweredToEnd: Bool {
    sequence.phase == .closed && underWay.isEmpty && movedTo.isEmpty
  }

  /// A new life, from input `number`.
  func begin(life: UInt64, at number: UInt64, step: UInt64) {
    begun = nil
    self.life = life
    messages = 0
    logging?.isForgotten = false
    firstInput = number
    nextStep = step
    sequenceStart = step
    nextAnswer = step
    answered = step
    answeredInput = number
    pendingFlags = .start
  }
}

// MARK: What few have

extension IngressStream {
  fileprivate final class Begun {
    var carry = TokenizerCarry()
    var values = ValueCarry()
    var given: [Float] = []
    var movedTo = ""
    var firstInput: UInt64 = 0
    var sequenceStart: UInt64 = 0
  }

  fileprivate final class Logging {
    var unsaved: Deque<Unsaved> = []
    var group: UInt64 = 0
    var rowTicket = StateStore.Ticket.committed
    var usedMilliseconds: UInt64 = 0
    var isForgotten = false
    var isInIdleOrder = false
  }

  private var madeBegun: Begun {
    if let begun { return begun }
    let begun = Begun()
    self.begun = begun
    return begun
  }

  private var madeLogging: Logging {
    if let logging { return logging }
    let logging = Logging()
    self.logging = logging
    return logging
  }

  /// Input number at which this life began; text is counted from there.
  var firstInput: UInt64 {
    get { begun?.firstInput ?? 0 }
    set { if newValue != 0 || begun != nil { madeBegun.firstInput = newValue } }
  }

  /// The step with which the sequence began, at START or the last RESET.
  var sequenceStart: UInt64 {
    get { begun?.sequenceStart ?? 0 }
    set { if newValue != 0 || begun != nil { madeBegun.sequenceStart = newValue } }
  }

  /// Of text.
  var carry: TokenizerCarry {
    get { begun?.carry ?? TokenizerCarry() }
    _modify { yield &madeBegun.carry }
  }

  /// Where it went on, when it left this daemon; empty where it did not.
  var movedTo: String {
    get { begun?.movedTo ?? "" }
    set { if !newValue.isEmpty || begun != nil { madeBegun.movedTo = newValue } }
  }

  /// Of rows of numbers.
  var valueCarry: ValueCarry {
    get { begun?.values ?? ValueCarry() }
    _modify { yield &madeBegun.values }
  }

  func forgetValues() { begun?.values = ValueCarry() }

  /// The h and c that START gave, until the worker has them.
  var given: [Float] {
    get { begun?.given ?? [] }
    set { if !newValue.isEmpty || begun != nil { madeBegun.given = newValue } }
  }

  /// Messages that the worker has not saved yet, oldest first; empty without a store.
  var unsaved: Deque<Unsaved> {
    get { logging?.unsaved ?? [] }
    _modify { yield &madeLogging.unsaved }
  }

  /// The group of the store with its newest record; 0 when it has a row of its own.
  var loggedGroup: UInt64 {
    get { logging?.group ?? 0 }
    set { madeLogging.group = newValue }
  }

  /// The store's ticket for that row.
  var rowTicket: StateStore.Ticket {
    get { logging?.rowTicket ?? .committed }
    set { madeLogging.rowTicket = newValue }
  }

  /// Whether it ended so long ago that its row can go.
  var isForgotten: Bool {
    get { logging?.isForgotten ?? false }
    set { madeLogging.isForgotten = newValue }
  }

  var usedMilliseconds: UInt64 {
    get { logging?.usedMilliseconds ?? 0 }
    set { madeLogging.usedMilliseconds = newValue }
  }

  var isInIdleOrder: Bool {
    get { logging?.isInIdleOrder ?? false }
    set { madeLogging.isInIdleOrder = newValue }
  }
}

// MARK: Stored

extension IngressStream {
  /// A stream as the store has it.
  ///
  /// - Throws: a `CarryError` for a carry that no tokenizer wrote.
  convenience init(id: StreamID, worker: Int, standing: StreamStanding) throws {
    self.init(id: id, worker: worker)
    try restore(standing)
  }

  func restore(_ standing: StreamStanding) throws {
    isClaimed = false
    newestCached = AnswerCache.nothingOfBefore
    sequence = StreamSequence(
      restoring: standing.isClosed ? .closed : .open, expected: standing.expected,
      epoch: standing.epoch)
    begun = nil
    if !standing.carry.isEmpty { carry = try TokenizerCarry(decoding: standing.carry) }
    if !standing.values.isEmpty { valueCarry = try ValueCarry(decoding: standing.values) }
    if life != standing.life { answeredInput = standing.firstInput }
    life = standing.life
    messages = standing.messages
    firstInput = standing.firstInput
    nextStep = standing.nextStep
    sequenceStart = standing.sequenceStart
    nextAnswer = standing.nextAnswer
    given = standing.given
    movedTo = standing.movedTo
    pendingFlags = MessageFlags(rawValue: standing.pendingFlags)
    generation = standing.generation
    // Where answers are rarer than steps, or not all given yet, nobody knows which input they used.
    if nextAnswer == nextStep, valueCarry.isEmpty {
      let held = carry.heldByteCount
      answeredInput = max(firstInput, sequence.expected - min(held, sequence.expected))
    }
  }

  var standing: StreamStanding {
    var standing = StreamStanding(
      life: life, epoch: sequence.epoch, expected: sequence.expected,
      isClosed: sequence.phase == .closed, firstInput: firstInput, nextStep: nextStep,
      messages: messages, pendingFlags: pendingFlags.rawValue, sequenceStart: sequenceStart,
      nextAnswer: nextAnswer, carry: carry == TokenizerCarry() ? [] : carry.encoded(),
      given: given, values: valueCarry.isEmpty ? [] : valueCarry.encoded())
    standing.generation = generation
    standing.movedTo = movedTo
    return standing
  }
}

/// What one message to a worker stands for on the client's side.
struct UnderWay {
  /// Who gets the answer; nil when nobody has greeted since the daemon started.
  var connection: Connection?
  var firstStep: UInt64
  var endStep: UInt64
  /// Input numbers below this are used by its steps.
  var endInput: UInt64
  /// For each step that is counted by itself, one past the last input number that it used.
  ///
  /// Empty where each step is one number.
  var ends: [UInt64]
  /// Credit to give back once it is covered.
  var units: UInt64
  var isEnd: Bool
  var isPeek: Bool
  var place: MessagePlace
  /// The model that it is for.
  var generation: UInt64 = 0
  /// What was asked about the stream itself; a PEEK of ours then.
  var question: StateQuestion?
  /// When the message was read.
  var readNanoseconds: UInt64
  /// Whose child its span is; nil where there will be none.
  var parent: TraceParent?

  /// The first input number not used by the steps below `step`.
  func input(below step: UInt64) -> UInt64 {
    guard step > firstStep, step <= endStep else { return endInput }
    return ends.isEmpty ? step : ends[Int(step - firstStep) - 1]
  }

  /// For such steps, what `input(below:)` is behind each of the steps from `start` to below `end`.
  func inputs(from start: UInt64, below end: UInt64) -> ArraySlice<UInt64> {
    let lower = max(start, firstStep)
    let upper = min(end, endStep)
    guard !ends.isEmpty, lower < upper else { return [] }
    return ends[Int(lower - firstStep)..<Int(upper - firstStep)]
  }
}
