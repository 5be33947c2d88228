import Wire

/// Decides what of the taps' messages belongs to a recording: whole lives from their START on, each
/// with the answers that its input made, and nothing behind a hole.
///
/// Input and answers come from different stages, so either may be ahead. What a recording holds of a
/// stream's answers is always a beginning of all of them, however it ended.
struct StreamRecorder {
  /// Something to be written.
  enum Entry {
    case input(InputLine)
    case answers(StreamID, AnswerMessage)
  }

  /// A life whose input is recorded and whose answers are not all there.
  private struct Life {
    /// The first step that the recorded input has not made.
    var steps: UInt64 = 0
    /// The first step that is not answered.
    var answered: UInt64 = 0
    var isEnded = false
  }

  private struct Key: Hashable {
    let stream: StreamID
    let life: UInt64
  }

  private struct EarlyAnswer {
    let header: Header
    let rows: AnswerMessage
  }

  private var lives: [Key: Life] = [:]
  /// The life of each stream that is recorded and has not ended.
  private var open: [StreamID: UInt64] = [:]
  /// Answers of lives whose input has not come.
  private var early: [Key: [EarlyAnswer]] = [:]
  private var earlyCount = 0
  /// Streams of which nothing more is recorded.
  private(set) var givenUp: Set<StreamID> = []
  /// Streams whose recording is only a beginning.
  private var unfinished: Set<StreamID> = []
  /// Lives that had begun before the recording, by stream.
  private(set) var passedOver: Set<StreamID> = []
  private(set) var inputs: UInt64 = 0
  private(set) var answerRows: UInt64 = 0
  private(set) var ended = 0
  private var streams: Set<StreamID> = []
  private var isStopping = false

  /// Answers that may wait for their input; beyond it all are dropped, which is their lives' end.
  private static let earlyAnswersMax = 100_000

  var streamCount: Int { streams.count }

  /// Whether every answer is there that the recorded input made.
  ///
  /// Where answers are rarer than steps, those of open lives may still lie ahead.
  func isComplete(answersEachStep: Bool) -> Bool {
    lives.values.allSatisfy { $0.isEnded ? false : !answersEachStep || $0.answered >= $0.steps }
  }

  // MARK: Input

  /// A message of `tap/tokenizer/input/`.
  mutating func takeInput(
    _ stream: StreamID, _ header: Header, _ payload: UnsafeRawBufferPointer, life: UInt64,
    microseconds: UInt64
  ) -> [Entry] {
    guard !isStopping, !givenUp.contains(stream) else { return [] }
    let key = Key(stream: stream, life: life)
    var entries: [Entry] = []
    if header.flags.contains(.start) {
      passedOver.remove(stream)
      if open[stream] != nil { entries.append(endTaken(stream, microseconds)) }
      open[stream] = life
      lives[key] = Life()
      streams.insert(stream)
    }
    guard open[stream] == life else {
      passedOver.insert(stream)
      forgetEarly(key)
      return entries
    }
    lives[key]?.steps = header.input
    let line = InputLine(stream, header, payload, microseconds: microseconds)
    if line.units > 0 || line.start || line.end || line.reset {
      inputs += 1
      entries.append(.input(line))
    }
    for answer in forgetEarly(key) { entries += take(answer.header, answer.rows, key) }
    if header.flags.contains(.end) {
      open[stream] = nil
      ended += 1
      lives[key]?.isEnded = true
      if lives[key]?.answered == UInt64.max { lives[key] = nil }
    }
    return entries
  }

  /// A life that another producer took over is ended, so that the next one can begin in a replay.
  private mutating func endTaken(_ stream: StreamID, _ microseconds: UInt64) -> Entry {
    if let life = open[stream] { lives[Key(stream: stream, life: life)] = nil }
    var line = InputLine(stream: stream)
    line.end = true
    line.microseconds = microseconds
    return .input(line)
  }

  // MARK: Answers

  /// A message of `tap/inference/output/`.
  mutating func takeAnswer(
    _ stream: StreamID, _ header: Header, _ rows: AnswerMessage, life: UInt64
  ) -> [Entry] {
    guard !givenUp.contains(stream) else { return [] }
    let key = Key(stream: stream, life: life)
    guard lives[key] != nil else {
      guard !isStopping, !passedOver.contains(stream) else { return [] }
      if earlyCount >= StreamRecorder.earlyAnswersMax {
        early = [:]
        earlyCount = 0
      }
      early[key, default: []].append(EarlyAnswer(header: header, rows: rows))
      earlyCount += 1
      return []
    }
    return take(header, rows, key)
  }

  private mutating func take(_ header: Header, _ rows: AnswerMessage, _ key: Key) -> [Entry] {
    guard var life = lives[key] else { return [] }
    // Made by input that is not recorded.
    if isStopping, !life.isEnded, header.input > life.steps || header.flags.contains(.last) {
      return []
    }
    life.answered = header.flags.contains(.last) ? .max : max(life.answered, header.input)
    lives[key] = life.isEnded && life.answered == .max ? nil : life
    guard rows.count > 0 else { return [] }
    answerRows += UInt64(rows.count)
    return [.answers(key.stream, rows)]
  }

  @discardableResult
  private mutating func forgetEarly(_ key: Key) -> [EarlyAnswer] {
    let answers = early.removeValue(forKey: key) ?? []
    earlyCount -= answers.count
    return answers
  }

  // MARK: Ends

  /// Something of the stream was lost; what is recorded of it is all there will be.
  mutating func giveUp(_ stream: StreamID) {
    guard givenUp.insert(stream).inserted, streams.contains(stream) else { return }
    unfinished.insert(stream)
    open[stream] = nil
    lives = lives.filter { $0.key.stream != stream }
    for key in early.keys where key.stream == stream { forgetEarly(key) }
  }

  /// No more input is recorded; answers to what is may still come.
  mutating func stop() {
    isStopping = true
    early = [:]
    earlyCount = 0
  }

  /// The last entries: which streams were left open.
  mutating func finish() -> [Entry] {
    unfinished.formUnion(open.keys)
    unfinished.formUnion(lives.keys.map(\.stream))
    return unfinished.sorted().map { stream in
      var line = InputLine(stream: stream)
      line.isOpenMark = true
      return .input(line)
    }
  }
}

extension InputLine {
  /// What a client's message asked for.
  init(
    _ stream: StreamID, _ header: Header, _ payload: UnsafeRawBufferPointer, microseconds: UInt64
  ) {
    self.init(stream: stream)
    number = header.number
    start = header.flags.contains(.start)
    end = header.flags.contains(.end)
    reset = header.flags.contains(.reset)
    self.microseconds = microseconds
    guard header.count > 0 else { return }
    switch header.elementType {
    case .text: self.payload = .text(Array(payload))
    case .int32: self.payload = .tokens([Int32](copying: payload))
    case .float32: self.payload = .values([Float](copying: payload), width: Int(header.width))
    case .uint8: self.payload = .values(payload.map(Float.init), width: Int(header.width))
    case .none, .json: break
    }
  }
}
