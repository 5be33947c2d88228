import Logging
import Wire
import ZeroMQ

/// The sending side of a link: a DEALER, and how much it may still send.
///
/// Used from stage to stage and by our own clients.
final class LinkSender {
  let socket: Socket<Dealer>
  private var message: Multipart
  /// Tells when the connection is made anew; nil where nobody asked.
  private var monitor: SocketMonitor?
  private let endpoint: String
  private let clock: StageClock
  private var handshakes = 0
  /// Handshakes that were told of.
  private var knownHandshakes = 0
  /// Why the last handshake failed; nil when it did not.
  private(set) var trouble: HandshakeTrouble?
  /// Connections that were lost behind a welcome, as far as they are watched.
  private(set) var losses = 0
  /// Whether one was lost since the last welcome.
  private(set) var isCutOff = false
  private var troublePace = LogPace()
  /// Units sent since the last welcome.
  private(set) var sent: UInt64 = 0
  /// The total that may have been sent; 0 before the first welcome.
  private(set) var credit: UInt64 = 0
  private(set) var isWelcome = false
  /// Greetings that were answered: one more each time the link was made anew.
  private(set) var welcomes = 0
  private var greeting = Hello()
  /// Greetings so far: each has its number, and its welcome has the same.
  private var hellos: UInt64 = 0
  /// When it greeted last.
  private(set) var greetedMilliseconds: UInt64 = 0
  private var lastPingMilliseconds: UInt64
  private var lastHeardMilliseconds: UInt64
  /// When the message that is being handled was read.
  private(set) var heardNanoseconds: UInt64 = 0

  /// Answers are wider than what was sent: 64 rows of a large model.
  private static let bytesMax = 16 * Limits.messageBytes

  /// Connects.
  ///
  /// - Parameters:
  ///   - context: of the process.
  ///   - clock: the time that it goes by.
  ///   - endpoint: of the receiving side.
  ///   - queueMessages: libzmq's bound for each direction; 0 where credit is the bound.
  ///   - isWatched: whether to know of reconnections.
  ///   - keys: for an endpoint that is encrypted.
  /// - Throws: a `ZeroMQError`.
  init(
    context: Context, clock: StageClock, endpoint: String, queueMessages: Int = 0,
    isWatched: Bool = false, keys: CurveClientKeys? = nil
  ) throws {
    self.endpoint = endpoint
    self.clock = clock
    socket = try Socket<Dealer>(context)
    message = Multipart()
    lastPingMilliseconds = clock.milliseconds
    lastHeardMilliseconds = lastPingMilliseconds
    try socket.setSendHighWaterMark(queueMessages)
    try socket.setReceiveHighWaterMark(queueMessages)
    try socket.setMaximumMessageBytes(Int64(LinkSender.bytesMax))
    // Through a cable that is cut the system asks ever less often; a new attempt asks at once.
    try socket.setConnectTimeout(.seconds(3))
    try socket.setHandshakeInterval(Limits.handshake)
    try socket.setHeartbeat(interval: .seconds(2), timeout: .seconds(6))
    try socket.setLinger(.seconds(2))
    if let keys { try socket.setCurveClient(keys) }
    if isWatched || keys != nil { monitor = try SocketMonitor(socket) }
    try socket.connect(endpoint)
  }

  /// Whether the connection was made anew since the last call: what was under way may be lost.
  func hasReconnected() throws -> Bool {
    try watch()
    defer { knownHandshakes = handshakes }
    return handshakes > max(1, knownHandshakes)
  }

  private func watch() throws {
    while let event = try monitor?.next() {
      if event.kind == .handshakeSucceeded {
        handshakes += 1
        trouble = nil
      } else if event.kind == .disconnected, welcomes > 0, !isCutOff {
        losses += 1
        isCutOff = true
      } else if let found = HandshakeTrouble(event.kind) {
        trouble = found
      }
    }
  }

  /// Pings, one every two seconds, since anything was heard.
  private(set) var pingsUnanswered = 0

  /// Units that may be sent now.
  var available: UInt64 { credit > sent ? credit - sent : 0 }

  /// Greets; nothing is to be sent until the welcome.
  func sendHello(_ hello: Hello = Hello()) throws {
    isWelcome = false
    greeting = hello
    greetedMilliseconds = clock.milliseconds
    hellos += 1
    var header = Header(kind: .hello)
    header.number = hellos
    try send(header, json: hello.bytes)
  }

  /// Sends a message that costs `units` of credit.
  ///
  /// The queue is bounded by credit, not by libzmq, so this never waits. `shared` is the payload where
  /// libzmq has it already.
  ///
  /// - Throws: a `ZeroMQError`; also where the other side was a stage of this process that has ended.
  func send(
    _ header: Header, stream: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
    ids: UnsafeRawBufferPointer = .init(start: nil, count: 0),
    note: UnsafeRawBufferPointer = .init(start: nil, count: 0), units: UInt64,
    shared: SharedPart? = nil
  ) throws {
    sent += units
    let partCount = !note.isEmpty ? 5 : !ids.isEmpty ? 4 : 3
    guard try socket.send(stream, more: true) == .sent else {
      throw ZeroMQError.noPeer(at: endpoint)
    }
    try withUnsafeTemporaryAllocation(byteCount: Header.byteCount, alignment: 8) { buffer in
      header.encode(into: buffer)
      _ = try socket.send(UnsafeRawBufferPointer(buffer), more: true)
    }
    _ =
      if let shared { try socket.send(shared, more: partCount > 3) } else {
        try socket.send(payload, more: partCount > 3)
      }
    if partCount > 3 { _ = try socket.send(ids, more: partCount > 4) }
    if partCount > 4 { _ = try socket.send(note, more: false) }
  }

  /// Sends JSON that costs no credit.
  func send(_ header: Header, json: [UInt8]) throws {
    var header = header
    header.elementType = .json
    header.count = 1
    header.width = UInt32(json.count)
    do {
      try json.withUnsafeBytes {
        try send(header, stream: .init(start: nil, count: 0), payload: $0, units: 0)
      }
    } catch let error as ZeroMQError
      where error == .noPeer(at: endpoint) && !endpoint.hasPrefix("inproc:")
    {
      // A handshake that failed leaves a moment without a connection, which is made anew; a later
      // ping finds out what the peer has not heard.
    }
  }

  /// Reads up to `limit` messages without waiting; returns how many were read.
  ///
  /// Welcome, credit and pings are dealt with here; `handle` gets answers, acknowledgements,
  /// refusals and welcomes.
  func receive(limit: Int, handle: (InboundMessage) throws -> Void) throws -> Int {
    for count in 0..<limit {
      guard try socket.receive(into: &message) else { return count }
      heardNanoseconds = clock.nanoseconds
      lastHeardMilliseconds = heardNanoseconds / 1_000_000
      pingsUnanswered = 0
      let inbound = try parse()
      switch inbound.header.kind {
      case .welcome:
        let welcome = try Welcome(payload: inbound.payload)
        // Of two greetings under way, the first one's welcome would set the count too early.
        guard inbound.header.number == hellos || !welcome.isGreeted else { continue }
        sent = 0
        guard welcome.isGreeted else {
          // The link was cut, or the peer was started anew: it knows nothing of us.
          credit = 0
          try sendHello(greeting)
          continue
        }
        welcomes += 1
        isCutOff = false
        credit = welcome.credit
        isWelcome = true
        try handle(inbound)
      case .credit:
        credit = max(credit, try Credit(payload: inbound.payload).total)
      case .acknowledge:
        if !inbound.payload.isEmpty {
          credit = max(credit, try Credit(payload: inbound.payload).total)
        }
        try handle(inbound)
      case .ping:
        try send(Header(kind: .pong), json: Array(inbound.payload))
      case .answer, .refuse, .models:
        try handle(inbound)
      case .pong, .data, .hello: break
      }
    }
    return limit
  }

  /// The payload of the message that is being handled, to be sent on without copying it.
  var sharedPayload: SharedPart? { message.partCount > 2 ? message.shared(2) : nil }

  private func parse() throws(WireError) -> InboundMessage {
    try InboundMessage(partCount: message.partCount, byteCountMax: LinkSender.bytesMax) {
      message.bytes($0)
    }
  }

  /// Pings when nothing has been heard for 2 s; says where the other side does not let us in.
  func keepAlive(_ logger: Logger? = nil) throws {
    let now = clock.milliseconds
    try watch()
    if let trouble, let logger, troublePace.admit(milliseconds: now) != nil {
      logger.warning(
        "no connection", metadata: ["endpoint": "\(endpoint)", "reason": "\(trouble.ownWords)"])
    }
    guard now - lastHeardMilliseconds >= 2000, now - lastPingMilliseconds >= 2000 else { return }
    lastPingMilliseconds = now
    pingsUnanswered += 1
    try send(Header(kind: .ping), json: Array("{}".utf8))
  }
}
