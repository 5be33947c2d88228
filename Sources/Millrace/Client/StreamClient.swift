import DequeModule
import Wire
import ZeroMQ

/// A client of the ingress: sends input lines within its credit, and hands back what comes.
///
/// Used by one thread. Numbers are counted here for lines that bring none.
package final class StreamClient {
  /// What came back.
  package enum Event {
    /// Rows for one stream; `rows.count` is 0 for a bare end.
    case answer(StreamID, Header, rows: AnswerMessage)
    /// `number` is the first number of the refused message.
    case refused(StreamID?, number: UInt64, Refusal)
    /// The daemon has the answers to input below `number` no more, as far as they have not come.
    case missing(StreamID, below: UInt64)
  }

  private let link: LinkSender
  private let context: Context
  private let endpoint: String
  private let keys: CurveClientKeys?
  /// Where streams went on that have moved to other daemons, and which did.
  private var successors: [String: StreamClient] = [:]
  private var moved: [StreamID: StreamClient] = [:]
  /// Whether lines are kept until they are acknowledged: a daemon may start anew, our own stages not.
  private var keeps: Bool { epoch > 0 }
  /// Whether they are kept until their life has ended, for a daemon that may forget what it acknowledged.
  private let keepsLives: Bool
  /// Whether a connection that was made anew has been greeted and not been welcomed.
  private var isResuming = false
  private var waiting: Deque<InputLine> = []
  private var standings: [StreamID: SentStream] = [:]
  private var abandoned: Set<StreamID> = []
  /// This producer's incarnation: its streams begin with it, and fence who sent to them before.
  private let epoch: UInt64
  /// Lives begun, over all streams: added to the epoch, so that a life that is sent like the one
  /// before it, to the last byte, is not taken for the same sent again.
  private var lives: UInt64 = 0
  /// The epoch of each stream's newest life that ended since a second greeting.
  ///
  /// Such a greeting has answers sent again that may be on their way already: behind a LAST they
  /// would look like those of the next life.
  private var finishedEpochs: [StreamID: UInt64]?

  /// - Parameters:
  ///   - context: of the process.
  ///   - endpoint: the ingress.
  ///   - epoch: this producer's incarnation, growing from start to start; 0 where no other client
  ///     can send to the same streams.
  ///   - keepsLives: whether a whole life is sent again to a daemon that knows nothing of it.
  ///   - keys: for an endpoint that is encrypted; also for a daemon that a stream moves to.
  /// - Throws: a `ZeroMQError`.
  package init(
    context: Context, endpoint: String, epoch: UInt64, keepsLives: Bool = false,
    keys: CurveClientKeys? = nil
  ) throws {
    self.epoch = epoch
    self.keepsLives = keepsLives
    self.context = context
    self.endpoint = endpoint
    self.keys = keys
    link = try LinkSender(
      context: context, clock: .monotonic, endpoint: endpoint, queueMessages: 0,
      isWatched: epoch > 0, keys: keys)
    try link.sendHello()
  }

  /// Its connection, and those to the daemons that streams have moved to.
  private var all: [StreamClient] { successors.values.reduce([self]) { $0 + $1.all } }
  /// The first of them that is not welcome, else the one that has been silent the longest.
  private var worst: StreamClient {
    guard !successors.isEmpty else { return self }
    return all.first { !$0.link.isWelcome }
      ?? all.max { $0.link.pingsUnanswered < $1.link.pingsUnanswered } ?? self
  }

  /// How many there are: a poller that has them all is made anew when it changes.
  var connectionCount: Int { successors.isEmpty ? 1 : all.count }
  package var isWelcome: Bool { worst.link.isWelcome }
  /// Why the last handshake failed; nil when it did not.
  var trouble: HandshakeTrouble? { worst.link.trouble }
  /// Of the connection that these are about.
  var troubledEndpoint: String { worst.endpoint }
  var greetedMilliseconds: UInt64 { worst.link.greetedMilliseconds }
  package var pingsUnanswered: Int { worst.link.pingsUnanswered }
  /// Connections that were lost so far, and the endpoint of one that is not back.
  var losses: Int { all.reduce(0) { $0 + $1.link.losses } }
  var lostEndpoint: String? { all.first { $0.link.isCutOff }?.endpoint }
  package var hasWaiting: Bool {
    !waiting.isEmpty || successors.values.contains { $0.hasWaiting }
  }
  /// Whether anything that was sent still has answers to come.
  package var isAwaitingAnswers: Bool {
    !standings.isEmpty || successors.values.contains { $0.isAwaitingAnswers }
  }

  /// Adds the client's sockets to a poller.
  package func add(to poller: inout Poller) {
    poller.add(link.socket)
    for successor in successors.values { successor.add(to: &poller) }
  }

  /// Takes a line; it leaves as soon as there is credit.
  package func submit(_ line: InputLine) throws {
    guard !line.isOpenMark, !abandoned.contains(line.stream) else { return }
    if let successor = moved[line.stream] { return try successor.submit(line) }
    waiting.append(line)
    try sendWaiting()
  }

  /// Reads what has come, without waiting, and sends what waited for credit.
  package func receive(_ handle: (Event) throws -> Void) throws {
    repeat {
      try greetAgainIfReconnected()
      let count = try link.receive(limit: Limits.drainMessages) { message in
        switch message.header.kind {
        case .answer: try take(message, handle)
        case .acknowledge:
          if let stream = message.stream {
            acknowledge(stream, message.header)
            try takeMissing(message, of: stream, handle)
          }
        case .welcome: try goOn(try Welcome(payload: message.payload), handle)
        case .refuse:
          let refusal = try Refusal(payload: message.payload)
          try greetAgainIfReconnected()
          // What was on its way when the connection broke; the welcome tells where to go on.
          if isResuming, [.gap, .noStart, .closed].contains(refusal.code) { return }
          if refusal.code == .moved, let stream = message.stream {
            return try follow(stream, to: refusal.expected)
          }
          // Behind a refusal that used no numbers up, nothing of the stream would be accepted.
          let usesUp = message.header.input > message.header.number
          if usesUp, finishedEpochs != nil, let stream = message.stream,
            standings[stream]?.refuse(message.header) == false
          {
            return
          }
          if let stream = message.stream, !usesUp {
            let isFirst = !abandoned.contains(stream)
            try abandon(stream, refusal)
            guard isFirst else { return }
          }
          try handle(.refused(message.stream, number: message.header.number, refusal))
        default: break
        }
      }
      try sendWaiting()
      if count < Limits.drainMessages { break }
    } while true
    try link.keepAlive()
    for successor in successors.values { try successor.receive(handle) }
  }

  /// Ends every stream that is open.
  package func endAll() throws {
    for successor in successors.values { try successor.endAll() }
    for stream in standings.filter(\.value.isOpen).keys.sorted() {
      var line = InputLine(stream: stream)
      line.end = true
      try submit(line)
    }
  }

  /// Hands an answer on, without the rows that came before a new greeting.
  private func take(_ message: InboundMessage, _ handle: (Event) throws -> Void) throws {
    guard let stream = message.stream else { return }
    // Sent again, as a greeting asked for it, while the stream was already on its way elsewhere.
    if let successor = moved[stream] { return try successor.take(message, handle) }
    let header = message.header
    if header.epoch > 0, let finished = finishedEpochs?[stream], header.epoch <= finished { return }
    let wanted = standings[stream]?.nextAnswer ?? 0
    let skip = Int(clamping: wanted > header.number ? wanted - header.number : 0)
    standings[stream]?.nextAnswer = max(wanted, header.end)
    if header.flags.contains(.last) {
      finishLife(of: stream)
      finishedEpochs?[stream] = header.epoch
    }
    guard skip < header.count || header.flags.contains(.last) else { return }
    try handle(.answer(stream, header, rows: AnswerMessage(message).dropping(skip)))
  }

  /// Tells of answers that are gone which a greeting has asked for; nothing more comes of a life whose
  /// last one is.
  private func takeMissing(
    _ message: InboundMessage, of stream: StreamID, _ handle: (Event) throws -> Void
  ) throws {
    guard !message.payload.isEmpty, let standing = standings[stream] else { return }
    let credit = try Credit(payload: message.payload)
    let epoch = message.header.epoch
    guard !credit.isCached, epoch > finishedEpochs?[stream] ?? 0, epoch <= standing.epoch else {
      return
    }
    if credit.isClosed {
      finishLife(of: stream)
      finishedEpochs?[stream] = epoch
    }
    try handle(.missing(stream, below: message.header.number))
  }

  private func finishLife(of stream: StreamID) {
    guard var standing = standings[stream] else { return }
    standing.nextAnswer = 0
    if let end = standing.kept.firstIndex(where: { $0.header.flags.contains(.end) }) {
      standing.kept.removeFirst(end + 1)
    }
    standing.endsUnderWay -= 1
    let isDone = standing.endsUnderWay <= 0 && !standing.isOpen
    standings[stream] = isDone ? nil : standing
  }

  /// Sends nothing more of a stream: it was refused for good.
  ///
  /// A stream of our own is ended where the daemon has it, so that what was accepted is answered.
  private func abandon(_ stream: StreamID, _ refusal: Refusal) throws {
    abandoned.insert(stream)
    waiting.removeAll { $0.stream == stream }
    guard let standing = standings[stream] else {
      standings[stream] = nil
      return
    }
    var end = InputLine(stream: stream)
    end.end = true
    switch refusal.code {
    case .gap: end.number = UInt64(refusal.expected)
    case .conflict, .badDType, .badHeader, .badLength, .tooLarge, .tooManySteps, .overCredit:
      end.number = standing.next
    default:
      // The daemon does not have it.
      standings[stream] = nil
      return
    }
    try send(end)
    // An END behind the refused message was refused or passed over as well.
    standings[stream]?.endsUnderWay = 1
  }

  // MARK: Moving

  /// A stream goes on at another daemon: what it has not got is sent there.
  private func follow(_ stream: StreamID, to endpoint: String) throws {
    // Each message that was under way is refused.
    guard let standing = standings.removeValue(forKey: stream) else { return }
    let successor =
      try successors[endpoint]
      ?? StreamClient(
        context: context, endpoint: endpoint, epoch: epoch, keepsLives: keepsLives, keys: keys)
    successors[endpoint] = successor
    moved[stream] = successor
    let lines = waiting.filter { $0.stream == stream }
    waiting.removeAll { $0.stream == stream }
    successor.lives = max(successor.lives, lives)
    successor.standings[stream] = standing
    try successor.greetAgain()
    for line in lines { try successor.submit(line) }
  }

  // MARK: Reconnecting

  /// Frees what the daemon has.
  private func acknowledge(_ stream: StreamID, _ header: Header) {
    guard !keepsLives, var standing = standings[stream],
      let epoch = standing.kept.first?.header.epoch, header.epoch == 0 || header.epoch == epoch
    else { return }
    let number = header.number
    while let first = standing.kept.first, first.header.epoch == epoch,
      first.header.count > 0 ? first.header.end <= number : first.header.number < number
    {
      standing.kept.removeFirst()
    }
    standings[stream] = standing
  }

  private func greetAgainIfReconnected() throws {
    guard keeps, try link.hasReconnected() else { return }
    try greetAgain()
  }

  /// Asks where all streams stand; nothing is sent until that is known.
  private func greetAgain() throws {
    isResuming = true
    finishedEpochs = finishedEpochs ?? [:]
    var streams: [String: UInt64?] = [:]
    for (stream, standing) in standings {
      streams.updateValue(standing.nextAnswer, forKey: stream.name)
    }
    try link.sendHello(Hello(streams: streams, epoch: epoch))
  }

  /// Sends again what the daemon has not got; a stream whose beginning it has lost is given up.
  private func goOn(_ welcome: Welcome, _ handle: (Event) throws -> Void) throws {
    // A welcome to an earlier greeting does not know of all.
    guard isResuming, standings.keys.allSatisfy({ welcome.streams[$0.name] != nil }) else { return }
    isResuming = false
    for (stream, standing) in standings.sorted(by: { $0.key < $1.key }) {
      var found = welcome.streams[stream.name]
      // It knows a life before this one.
      if let epoch = found?.epoch, epoch < standing.kept.first?.header.epoch ?? 0 { found = nil }
      let begins = standing.kept.first?.header.flags.contains(.start) ?? false
      let isOneLife = standing.kept.first?.header.epoch == standing.kept.last?.header.epoch
      if let expected = found?.expected, isOneLife, expected >= standing.oldest {
        // Its last answer is on its way, or comes again since the greeting asked for it.
        guard found?.closed != true else { continue }
        for sent in standing.kept
        where sent.header.end > expected
          || sent.header.count == 0 && sent.header.number >= expected && sent.header.flags != .start
        {
          try transmit(sent)
        }
      } else if found?.expected == nil, begins {
        for sent in standing.kept { try transmit(sent) }
      } else {
        let expected = found?.expected.map(String.init) ?? "nothing"
        let refusal = Refusal(
          .stateLost, expected: "\(standing.oldest)", received: expected,
          message: "the daemon was started anew and knows \(expected) of the stream, but what came "
            + "before number \(standing.oldest) is not kept here; begin the stream anew")
        try abandon(stream, refusal)
        try handle(.refused(stream, number: standing.oldest, refusal))
      }
    }
  }

  // MARK: Sending

  private func sendWaiting() throws {
    while let line = waiting.first, link.isWelcome, !isResuming {
      // A line larger than the credit goes in pieces as credit comes.
      let available = Int(clamping: link.available)
      guard line.units == 0 || available > 0 else { return }
      waiting.removeFirst()
      let (now, rest) = line.cut(units: available)
      try send(now)
      if let rest {
        waiting.prepend(rest)
      }
    }
  }

  private func send(_ line: InputLine) throws {
    var header = Header(kind: .data)
    var standing = standings[line.stream] ?? SentStream()
    // Behind an END a new life begins, counted from 0.
    let begins = !standing.isOpen
    if begins {
      standing.next = 0
      standing.epoch = epoch + lives
      lives += 1
    }
    header.number = line.number ?? standing.next
    header.epoch = standing.epoch
    if line.start || !line.state.isEmpty || begins && (epoch > 0 || header.number == 0) {
      header.flags.insert(.start)
    }
    if line.end { header.flags.insert(.end) }
    if line.reset { header.flags.insert(.reset) }
    header.count = UInt32(line.units)
    standing.next = max(standing.next, header.number + UInt64(line.units))
    standing.isOpen = !line.end
    if line.end { standing.endsUnderWay += 1 }
    switch line.payload {
    case .none: break
    case .text: (header.elementType, header.width) = (.text, 1)
    case .tokens: (header.elementType, header.width) = (.int32, 1)
    case .values(_, let width): (header.elementType, header.width) = (.float32, UInt32(width))
    }
    let sent = SentLine(header: header, line: line)
    if keeps { standing.kept.append(sent) }
    standings[line.stream] = standing
    try transmit(sent)
  }

  private func transmit(_ sent: SentLine) throws {
    switch sent.line.payload {
    case .none: try send(sent, [UInt8]())
    case .text(let bytes): try send(sent, bytes)
    case .tokens(let ids): try send(sent, ids)
    case .values(let values, _): try send(sent, values)
    }
  }

  private func send<Value: BitwiseCopyable>(_ sent: SentLine, _ payload: [Value]) throws {
    var name = sent.line.stream.name
    try name.withUTF8 { name in
      try payload.withUnsafeBytes { payload in
        try sent.line.state.withUnsafeBytes { state in
          try link.send(
            sent.header, stream: UnsafeRawBufferPointer(name), payload: payload, ids: state,
            units: UInt64(sent.header.count))
        }
      }
    }
  }
}
