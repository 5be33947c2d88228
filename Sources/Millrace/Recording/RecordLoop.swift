import Wire
import ZeroMQ

/// The loop of `record`: taps in, a recording out.
final class RecordLoop {
  private let options: RecordRun.Options
  private let writer: RecordingWriter
  private let stopped: Signal
  private let socket: Socket<Subscribe>
  private var monitor: SocketMonitor
  /// Why we are not let in, as long as we are not.
  private var trouble: HandshakeTrouble?
  private var message = Multipart()
  private var recorder = StreamRecorder()
  private var sequences = SequenceCounter()
  private let began = MonotonicClock.microseconds
  /// When the taps were heard to be subscribed to, from when on input is recorded; nil before.
  private var subscribedAt: UInt64?
  private var isSubscribed: Bool { subscribedAt != nil }
  private var flushedAt: UInt64 = 0
  /// What the topic begins with that tells that all input has come; empty before it is asked for.
  private var mark = ""
  private var isMarked = false
  /// Whether it was said what can be done about losses.
  private var hasAdvised = false

  private static let inputTopic = "tap/tokenizer/input/"
  private static let outputTopic = "tap/inference/output/"
  private static let streamsTopic = "tap/tokenizer/streams/"
  /// Where messages go, the daemon or this recorder had no processor for them.
  private static let advice =
    "the machine has no room to publish and to write all of this; record again with fewer streams "
    + "named, with other taps and pages closed, or while less is sent"
  /// How long nobody may be there before that is said.
  private static let patienceMilliseconds: UInt64 = 2000
  /// How much longer than it is to record it waits for somebody who serves.
  private static let servedSeconds = 5.0
  /// How long what is on its way may keep us waiting when we are stopped; the list comes once a second.
  private static let lastInputMilliseconds: UInt64 = 3000
  /// How long the last answers may keep us waiting: between two of them, and in all.
  private static let answersIdleMilliseconds: UInt64 = 500
  private static let answersMilliseconds: UInt64 = 10_000

  init(_ options: RecordRun.Options, writer: RecordingWriter, stopped: Signal) throws {
    self.options = options
    self.writer = writer
    self.stopped = stopped
    socket = try Socket<Subscribe>(try Context())
    // A recording takes what a burst brings; a hole would end its streams.
    try socket.setReceiveHighWaterMark(Limits.recorderQueueMessages)
    try socket.setLinger(.zero)
    monitor = try SocketMonitor(socket)
    for (endpoint, keys) in options.endpoints {
      if let keys { try socket.setCurveClient(keys) }
      try socket.connect(endpoint)
    }
    for stream in options.streams {
      try socket.subscribe(RecordLoop.inputTopic + stream.topic)
      if writer.wantsAnswers { try socket.subscribe(RecordLoop.outputTopic + stream.topic) }
    }
    // The tokenizer stage takes subscriptions in their order: its list says that it has them all.
    try socket.subscribe(RecordLoop.streamsTopic)
  }

  func run(say: (String) -> Void) throws -> RecordRun.Summary {
    var poller = Poller()
    poller.add(socket)
    poller.add(stopped)
    var complainsAt: UInt64? = MonotonicClock.milliseconds + RecordLoop.patienceMilliseconds
    while !stopped.isRaised, !isDone {
      _ = try poller.wait(timeout: .milliseconds(200))
      try receive(say)
      try watchHandshakes()
      if !isSubscribed, let due = complainsAt, MonotonicClock.milliseconds >= due {
        complainsAt = nil
        say("waiting for \(endpoint): \(keyTrouble ?? "nobody serves it yet")")
      }
      try flush()
    }
    guard isSubscribed else {
      if let keyTrouble { throw Filter.Failure.notLetIn(endpoint: endpoint, reason: keyTrouble) }
      throw RecordRun.Unserved(endpoint: endpoint)
    }
    try takeLastInput(say)
    try waitForAnswers(say)
    for entry in recorder.finish() { try writer.append(entry) }
    try writer.flush()
    return RecordRun.Summary(
      streams: recorder.streamCount, ended: recorder.ended, messages: recorder.inputs,
      answers: recorder.answerRows, passedOver: recorder.passedOver.count, lost: sequences.lost,
      givenUp: recorder.givenUp.sorted())
  }

  /// The first endpoint, for messages.
  private var endpoint: String { options.endpoints[0].endpoint }

  /// What is wrong with our keys, if they are why nobody is heard.
  private var keyTrouble: String? { trouble.flatMap { $0.isOfKeys ? $0.ownWords : nil } }

  /// - Throws: `Filter.Failure.notLetIn`, where trying again is of no use.
  private func watchHandshakes() throws {
    while let event = try monitor.next() {
      if event.kind == .handshakeSucceeded { trouble = nil }
      trouble = HandshakeTrouble(event.kind) ?? trouble
      if let trouble, trouble.isFinal {
        throw Filter.Failure.notLetIn(endpoint: endpoint, reason: trouble.ownWords)
      }
    }
  }

  private var isDone: Bool {
    if let limit = options.limit, recorder.inputs >= limit { return true }
    if let ended = options.ended, recorder.ended >= ended { return true }
    guard let seconds = options.seconds else { return false }
    let now = MonotonicClock.microseconds
    if let subscribedAt { return Double(now - subscribedAt) / 1e6 >= seconds }
    return Double(now - began) / 1e6 >= seconds + RecordLoop.servedSeconds
  }

  /// Takes the input that the daemon had accepted when we were stopped: it publishes behind the answers.
  ///
  /// A list of streams that nobody has asked for before is made later, and comes behind that input.
  private func takeLastInput(_ say: (String) -> Void) throws {
    guard isSubscribed, !isDone else { return }
    let limit = TapLimit.every(UInt64.random(in: 1000...1_000_000))
    mark = limit.prefix + RecordLoop.streamsTopic
    try socket.subscribe(mark)
    var poller = Poller()
    poller.add(socket)
    let stoppedAt = MonotonicClock.milliseconds
    while !isMarked, !isDone,
      MonotonicClock.milliseconds - stoppedAt < RecordLoop.lastInputMilliseconds
    {
      _ = try poller.wait(timeout: .milliseconds(200))
      try receive(say)
    }
  }

  private func waitForAnswers(_ say: (String) -> Void) throws {
    recorder.stop()
    var poller = Poller()
    poller.add(socket)
    let stoppedAt = MonotonicClock.milliseconds
    while !recorder.isComplete(answersEachStep: options.answersEachStep),
      MonotonicClock.milliseconds - stoppedAt < RecordLoop.answersMilliseconds
    {
      guard try poller.wait(timeout: .milliseconds(RecordLoop.answersIdleMilliseconds)) > 0 else {
        return
      }
      try receive(say)
    }
  }

  private func receive(_ say: (String) -> Void) throws {
    for _ in 0..<1000 {
      guard try socket.receive(into: &message) else { return }
      guard message.partCount >= 5 else { continue }
      let topic = message.string(0)
      let note = try TapNote(message.bytes(4))
      if !mark.isEmpty, topic.hasPrefix(mark) {
        isMarked = true
        return
      }
      if topic.hasPrefix(RecordLoop.streamsTopic) {
        if !isSubscribed { say("recording; Ctrl-C ends it") }
        subscribedAt = subscribedAt ?? MonotonicClock.microseconds
        continue
      }
      let isInput = topic.hasPrefix(RecordLoop.inputTopic)
      let prefix = isInput ? RecordLoop.inputTopic : RecordLoop.outputTopic
      guard let stream = StreamID(String(topic.dropFirst(prefix.count).dropLast())) else {
        continue
      }
      switch sequences.take(note, on: topic) {
      case .next: break
      case .hole(let count):
        say("\(topic): \(count) messages lost here; the recording of \(stream) ends before them")
        if !hasAdvised { say(RecordLoop.advice) }
        hasAdvised = true
        recorder.giveUp(stream)
      case .restart:
        say("the daemon was started anew; the recording of \(stream) ends before that")
        recorder.giveUp(stream)
      }
      try take(stream, isInput: isInput, life: note.life ?? 0)
      if isDone, !stopped.isRaised { return }
    }
  }

  private func take(_ stream: StreamID, isInput: Bool, life: UInt64) throws {
    let header = try Header(bytes: message.bytes(1))
    let payload = message.bytes(2)
    try header.checkPayload(byteCount: payload.count)
    let entries =
      isInput
      ? recorder.takeInput(
        stream, header, payload, life: life,
        microseconds: MonotonicClock.microseconds - began)
      : recorder.takeAnswer(
        stream, header, AnswerMessage(header, payload: payload, ids: message.bytes(3)), life: life)
    for entry in entries { try writer.append(entry) }
  }

  /// Once a second: who looks at the file sees what came.
  private func flush() throws {
    let now = MonotonicClock.milliseconds
    guard now - flushedAt >= 1000 else { return }
    flushedAt = now
    try writer.flush()
  }
}
