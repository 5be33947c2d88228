import Millrace
import Wire

/// A client that keeps the rules of Docs/protocol.md, and its own account of what it is owed.
final class SimulatedClient {
  let name: String
  unowned let world: World
  /// Its connection, and those that it left.
  private(set) var link: Relay
  private(set) var left: [Relay] = []
  var streams: [Stream] = []
  private var ingress: String?
  /// When that began to listen.
  private var ingressBeganMilliseconds: UInt64 = 0
  /// Whether anything of this client may have reached it.
  private var wasThere = false

  // The connection's account.
  var sent: UInt64 = 0
  var credit: UInt64 = 0
  var isWelcome = false
  var hellosOpen = 0
  var hellos = 0
  /// A welcome that may be that to an earlier hello, until the ping behind the last comes back.
  var early: Welcome?
  private var greetedMilliseconds: UInt64 = 0
  var progressMilliseconds: UInt64
  private(set) var saidMilliseconds: UInt64
  /// Whether it knows of a reason to greet anew.
  var isGreetingDue = true
  /// Whether messages may be lost, or overtake each other, or come again.
  private(set) var isDisturbed = false
  /// Whether it has sent what it had sent before, so that answers come again.
  private var hasSentAgain = false
  /// Since when answers may have been lost on their way here; nil when none were.
  private(set) var lostSinceMilliseconds: UInt64?
  private var losses = 0

  private static let silenceMilliseconds: UInt64 = 2000

  /// One of its streams, and the life that it is in.
  final class Stream {
    let id: StreamID
    let lives: [SentLife]
    var current = 0

    init(_ id: StreamID, _ lives: [SentLife]) {
      self.id = id
      self.lives = lives
    }

    var life: SentLife { lives[current] }
  }

  init(_ name: String, scripts: [StreamScript], in world: World) throws {
    self.name = name
    self.world = world
    link = Relay(
      name, context: world.context, clock: world.clock, logger: world.logger)
    progressMilliseconds = world.clock.milliseconds
    saidMilliseconds = progressMilliseconds
    for script in scripts {
      guard let id = StreamID(script.name) else { continue }
      streams.append(Stream(id, world.lives(of: script)))
    }
    adopt(link)
  }

  private func adopt(_ link: Relay) {
    link.receive = { [unowned self, unowned link] in
      try take($0, on: link)
    }
  }

  // MARK: Connections

  func ingressBegan(at address: String) throws {
    ingress = address
    ingressBeganMilliseconds = world.clock.milliseconds
    wasThere = links.contains(where: \.isCarrying)
    try link.receiverBegan(at: address)
  }

  /// The stage that it is connected to has died, or ended `inOrder`.
  func ingressDied(arriving: Int, lost: Int, inOrder: Bool) throws {
    ingress = nil
    isDisturbed = true
    left = []
    lose(since: try link.receiverDied(arriving: arriving, lost: lost))
    // Answers that are not in anybody's memory are computed again from the last checkpoint on, which
    // lies an interval before the crash. Those of some seconds are left by a stop.
    let interval = max(
      world.setup.checkpointMilliseconds, inOrder ? Limits.leftAnswersMilliseconds : 0)
    let now = world.clock.milliseconds
    for stream in streams { for life in stream.lives { life.loseRefusals() } }
    // Who has not come is waited for, but not for ever.
    let isTooLate =
      wasThere
      ? lostSinceMilliseconds.map { $0 + interval <= now } ?? false
      : ingressBeganMilliseconds + Limits.replyHoldMilliseconds <= now
    guard isTooLate else { return }
    for stream in streams { for life in stream.lives { life.mayMiss = true } }
  }

  /// What it asked for behind a loss lies before the pong to this.
  var caughtUp: [UInt8] { Array("{\"losses\":\(losses)}".utf8) }

  func catchUp() { lostSinceMilliseconds = nil }

  var links: [Relay] { [link] + left }

  func cut(arriving: Int, lost: Int, isTold: Bool) throws {
    isDisturbed = true
    // What is sent to the old connection from now on is lost as well.
    lose(since: try link.cut(arriving: arriving, lost: lost) ?? world.clock.milliseconds)
    if isTold { isGreetingDue = true }
  }

  private func lose(since milliseconds: UInt64?) {
    // A hello asks for answers of the life that goes on, not of one before it.
    for stream in streams {
      for life in stream.lives[..<stream.current] where !life.isAnswered { life.mayMiss = true }
    }
    guard let milliseconds else { return }
    losses += 1
    lostSinceMilliseconds = min(lostSinceMilliseconds ?? milliseconds, milliseconds)
  }

  /// Goes on by another connection; what is under way on the old one still arrives.
  func move() throws {
    guard left.count < 2 else { return }
    isDisturbed = true
    left.append(link)
    link = Relay(
      name, context: world.context, clock: world.clock, logger: world.logger)
    adopt(link)
    if let ingress { try link.receiverBegan(at: ingress) }
    (hellosOpen, early, isWelcome, isGreetingDue) = (0, nil, false, true)
    // The welcome may know nothing of a life whose END is still under way: its START, sent again, would
    // come behind that.
    if streams.contains(where: { $0.life.wasEndSent && !$0.life.isClosed }) { forgetLeft() }
  }

  /// What is under way on connections that were left is lost.
  private func forgetLeft() {
    guard !left.isEmpty else { return }
    lose(since: left.compactMap(\.oldestOutward).min() ?? world.clock.milliseconds)
    left = []
  }

  // MARK: Sending

  /// Sends the next elements of a stream, as many of `count` as credit allows.
  func send(_ name: String, count: Int) throws {
    guard let stream = streams.first(where: { $0.id.name == name }) else { return }
    if isGreetingDue || isSilent { return greet() }
    guard isWelcome else { return }
    if stream.life.isAcknowledged, stream.current + 1 < stream.lives.count {
      // Who begins anew asks for no more answers of the life before.
      if !stream.life.isAnswered, isDisturbed { stream.life.mayMiss = true }
      stream.current += 1
    }
    guard stream.life.hasMore, !isStartUnsure(of: stream) else { return }
    send(stream, from: stream.life.sent, count: count)
  }

  /// Whether a START may be lost that takes an open stream over: what came behind it would take the life
  /// before over.
  private func isStartUnsure(of stream: Stream) -> Bool {
    guard stream.current > 0, !stream.lives[stream.current - 1].script.ends else { return false }
    return stream.life.sent > 0 && !stream.life.isKnown
  }

  /// Sends `count` elements of a stream's life from one on that it has sent before, or that is next.
  private func send(_ stream: Stream, from: Int, count: Int) {
    let life = stream.life
    let end = pieceEnd(of: life, from: from, count: count)
    let units = UInt64(end - from)
    guard sent + units <= credit else { return }
    var flags: MessageFlags = []
    if !life.isBegun || from == 0 { flags.insert(.start) }
    // A START that comes by an old connection behind the END of its life cannot be told from a new one.
    if end == life.count { forgetLeft() }
    if life.script.resets.contains(from), from > 0 { flags.insert(.reset) }
    if end == life.count, life.script.ends, !isBad(life, from) { flags.insert(.end) }
    transmit(from..<end, of: life, stream.id, flags)
    life.isBegun = true
    life.sent = max(life.sent, end)
    life.sentMost = max(life.sentMost, end)
    if flags.contains(.end) { life.isEndSent = true }
  }

  /// Where a message ends that begins at an element: resets begin one, and what will be refused is
  /// alone.
  private func pieceEnd(of life: SentLife, from: Int, count: Int) -> Int {
    guard from < life.count else { return from }
    if isBad(life, from) { return from + 1 }
    var end = from + 1
    while end < min(life.count, from + count), !life.script.resets.contains(end), !isBad(life, end)
    {
      end += 1
    }
    return end
  }

  private func isBad(_ life: SentLife, _ index: Int) -> Bool {
    index < life.count && life.script.elements[index] < 0
  }

  /// Sends elements again that were sent before, and perhaps new ones behind them, as a client may that
  /// is not sure.
  func sendAgain(_ name: String, back: Int, count: Int) {
    guard let stream = streams.first(where: { $0.id.name == name }), isWelcome else { return }
    let life = stream.life
    // With 0, from the last RESET on, and new ones behind it.
    let reset = back == 0 ? life.script.resets.last { $0 < life.sent } : nil
    let from = reset ?? max(0, life.sent - back)
    let count = reset.map { life.sent - $0 + count } ?? count
    // Behind an END, START begins a new life.
    guard life.isBegun, !life.wasEndSent, from < life.sent else { return }
    hasSentAgain = true
    send(stream, from: from, count: count)
  }

  private func transmit(
    _ elements: Range<Int>, of life: SentLife, _ stream: StreamID, _ flags: MessageFlags
  ) {
    var header = Header(kind: .data)
    header.flags = flags
    header.number = life.script.first + UInt64(elements.lowerBound)
    header.epoch = life.script.epoch
    header.count = UInt32(elements.count)
    if !elements.isEmpty {
      switch world.setup.input {
      case .ids: (header.elementType, header.width) = (.int32, 1)
      case .values: (header.elementType, header.width) = (.float32, 2)
      case .words: (header.elementType, header.width) = (.text, 1)
      }
    }
    sent += UInt64(elements.count)
    say([
      Array(stream.name.utf8), header.bytes,
      SimulatedModel.payload(life.script.elements[elements], of: world.setup.input),
    ])
  }

  func say(_ parts: [[UInt8]], on relay: Relay? = nil) {
    saidMilliseconds = world.clock.milliseconds
    wasThere = true
    (relay ?? link).send(parts)
  }

  func say(_ kind: MessageKind, json: [UInt8], on relay: Relay? = nil) {
    var header = Header(kind: kind)
    (header.elementType, header.count, header.width) = (.json, 1, UInt32(json.count))
    say([[], header.bytes, json], on: relay)
  }

  // MARK: Greeting

  /// Says hello, asking for the answers that have not come.
  func greet() {
    var hello = Hello(epoch: 1)
    for stream in streams { hello.streams.updateValue(stream.life.wanted, forKey: stream.id.name) }
    isWelcome = false
    early = nil
    isGreetingDue = false
    hellosOpen += 1
    hellos += 1
    greetedMilliseconds = world.clock.milliseconds
    progressMilliseconds = greetedMilliseconds
    say(.hello, json: hello.bytes)
  }

  /// Whether it waits for something, and nothing has come for a while; or was silent for so long
  /// itself that it may be forgotten.
  private var isSilent: Bool {
    let now = world.clock.milliseconds
    if !isWelcome { return now >= greetedMilliseconds + Self.silenceMilliseconds }
    guard !isDone else { return false }
    return now >= progressMilliseconds + Self.silenceMilliseconds
      || now >= saidMilliseconds + 2 * Self.silenceMilliseconds
  }

  /// From now on it is left alone.
  func rest() {
    progressMilliseconds = world.clock.milliseconds
    saidMilliseconds = progressMilliseconds
  }

  /// Whether every answer came once: nothing asked for one again.
  var wasAnsweredOnce: Bool { hellos > 1 || lives.allSatisfy(\.isAnsweredOnce) }

  /// Whether no answer is to come twice, whatever becomes of the stages behind the first.
  var asksForNothingAgain: Bool { hellos <= 1 && !hasSentAgain && !isDisturbed }

  /// Does what a client does that is left alone: greets when it must, and sends what it has.
  func act() throws {
    if isGreetingDue || isSilent { return greet() }
    for stream in streams { try send(stream.id.name, count: world.setup.piece ?? 200) }
  }

  /// Where nothing was lost, nobody has to ask again.
  func checkIsServed() throws {
    guard isWelcome, !isGreetingDue, isSilent, world.isUndisturbed else { return }
    // A turn takes a batch of steps, of whatever streams; of answers at the end alone nothing is told for
    // as long as their steps take, one a turn.
    func steps(_ lives: [SentLife]) -> Int { lives.reduce(0) { $0 + $1.count } }
    let own = world.setup.emitEvery == 1 ? 0 : steps(lives)
    let stepsMilliseconds =
      UInt64(max(own, steps(world.clients.flatMap(\.lives)) / world.setup.batch)) * 20
    guard
      world.clock.milliseconds
        >= progressMilliseconds + Self.silenceMilliseconds + stepsMilliseconds
    else { return }
    throw Violation(
      "where nothing is lost, nobody waits for ever", at: "\(name), \(standing)",
      expected: "an answer, an acknowledgement or credit within 2 s", received: "nothing")
  }

  /// Whether all that it has to send is sent, acknowledged and answered.
  var isDone: Bool {
    streams.allSatisfy { stream in
      stream.current + 1 == stream.lives.count && stream.life.isAcknowledged
        && stream.lives.allSatisfy { $0.isAnswered || $0.mayMiss }
    }
  }

  var standing: String {
    streams.map {
      "\($0.id): life \($0.current), sent \($0.life.sent) of \($0.life.count), acknowledged "
        + "\($0.life.acknowledged ?? -1), closed \($0.life.isClosed), wants "
        + "\($0.life.wanted.map(String.init) ?? "nothing"), refusals \($0.life.refused.count) of "
        + "\($0.life.badElements.count)"
    }.joined(separator: "; ") + "; credit \(credit), sent \(sent), welcome \(isWelcome)"
  }

  var lives: [SentLife] { streams.flatMap(\.lives) }
}
