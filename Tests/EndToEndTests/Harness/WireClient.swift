import Wire
import ZeroMQ

/// A client of the ingress that does what the test says and nothing by itself, but answer pings and
/// keep count of credit.
final class WireClient {
  enum Form: CaseIterable {
    case binary
    case friendly
  }

  let form: Form
  /// The total that it may have sent since its welcome.
  private(set) var credit: UInt64 = 0
  /// Units sent since the welcome.
  var sent: UInt64 = 0
  private let socket: Socket<Dealer>
  private var message = Multipart(capacity: 8)
  private var pings = 0
  /// Received while something else was waited for.
  private var passedOver: [ReceivedMessage] = []

  /// Connects; `queueMessages` is libzmq's bound for each direction, 0 is none.
  init(
    _ endpoint: String, form: Form = .binary, queueMessages: Int = 0, keys: CurveClientKeys? = nil
  ) throws {
    self.form = form
    socket = try Socket<Dealer>(try Context())
    try socket.setLinger(.zero)
    try socket.setSendHighWaterMark(queueMessages)
    try socket.setReceiveHighWaterMark(queueMessages)
    if let keys { try socket.setCurveClient(keys) }
    try socket.connect(endpoint)
  }

  // MARK: Sending

  /// Sends parts as they are; false when libzmq's queue is full.
  @discardableResult
  func send(parts: [[UInt8]]) throws -> Bool {
    for (index, part) in parts.enumerated() {
      let outcome = try part.withUnsafeBytes {
        try socket.send($0, more: index + 1 < parts.count)
      }
      guard outcome == .sent else { return false }
    }
    return true
  }

  @discardableResult
  func send(_ header: Header, stream: String, payload: [UInt8] = [], note: [UInt8] = []) throws
    -> Bool
  {
    let head = form == .binary ? header.bytes : FriendlyHeader.encode(header)
    var parts = [Array(stream.utf8), head, payload]
    if !note.isEmpty { parts += [[], note] }
    return try send(parts: parts)
  }

  @discardableResult
  private func send(_ kind: MessageKind, json: [UInt8]) throws -> Bool {
    var header = Header(kind: kind)
    header.elementType = .json
    header.count = 1
    header.width = UInt32(json.count)
    return try send(header, stream: "", payload: json)
  }

  /// Sends data; returns false when libzmq's queue is full.
  @discardableResult
  func send(
    _ data: InputData, to stream: String, number: UInt64, flags: MessageFlags = [],
    epoch: UInt64 = 0
  ) throws -> Bool {
    var header = Header(kind: .data)
    header.number = number
    header.flags = flags
    header.epoch = epoch
    (header.elementType, header.count, header.width) = data.shape
    sent += UInt64(header.count)
    return try send(header, stream: stream, payload: data.bytes)
  }

  // MARK: Receiving

  /// The next message but pings, pongs and credit.
  func receive(_ deadline: Deadline = .standard, waitingFor event: String = "a message") throws
    -> ReceivedMessage
  {
    if !passedOver.isEmpty { return passedOver.removeFirst() }
    while true {
      let message = try receiveAny(deadline, waitingFor: event)
      if message.header.kind != .credit, message.header.kind != .pong { return message }
    }
  }

  /// The next message of a kind for a stream; what else comes is kept for later.
  func receive(_ kind: MessageKind, of stream: String = "") throws -> ReceivedMessage {
    func isWanted(_ message: ReceivedMessage) -> Bool {
      message.header.kind == kind && (stream.isEmpty || message.stream == stream)
    }
    if let index = passedOver.firstIndex(where: isWanted) { return passedOver.remove(at: index) }
    let deadline = Deadline.standard
    while true {
      let message = try receiveAny(deadline, waitingFor: "\(kind.name) of \(stream)")
      if isWanted(message) { return message }
      if message.header.kind == .refuse, message.stream == stream {
        throw HarnessError.unexpected("waiting for \(kind.name), received \(message)")
      }
      if message.header.kind != .credit, message.header.kind != .pong {
        passedOver.append(message)
      }
    }
  }

  /// The next message but pings, which are answered; nil when `patience` is over.
  func receiveAny(within patience: Duration) throws -> ReceivedMessage? {
    let end = ContinuousClock.now + patience
    while true {
      if try socket.receive(into: &message) {
        let parts = (0..<min(message.partCount, message.capacity)).map { Array(message.bytes($0)) }
        let received = try ReceivedMessage(parts: parts)
        if let total = try received.credit() { note(credit: total, of: received.header.kind) }
        guard received.header.kind == .ping else { return received }
        try send(.pong, json: received.payload)
        continue
      }
      let left = end - .now
      guard left > .zero else { return nil }
      var poller = Poller()
      poller.add(socket)
      _ = try poller.wait(timeout: left)
    }
  }

  private func receiveAny(_ deadline: Deadline, waitingFor event: String) throws
    -> ReceivedMessage
  {
    guard let message = try receiveAny(within: deadline.remaining) else {
      throw HarnessError.timedOut(waitingFor: event, seen: "")
    }
    return message
  }

  private func note(credit total: UInt64, of kind: MessageKind) {
    if kind == .welcome {
      (credit, sent) = (total, 0)
    } else {
      credit = max(credit, total)
    }
  }

  // MARK: Exchanges

  @discardableResult
  func sendHello(_ streams: [String: UInt64?]) throws -> Bool {
    try send(.hello, json: Hello(streams: streams).bytes)
  }

  @discardableResult
  func hello(_ streams: [String: UInt64?] = [:]) throws -> Welcome {
    try sendHello(streams)
    return try receive(.welcome).payload.withUnsafeBytes { try Welcome(payload: $0) }
  }

  /// What the daemon refuses before it answers a ping that is sent now.
  ///
  /// What was sent before the ping has been read by then. Other messages are kept for later.
  func refusals() throws -> [Refusal] {
    pings += 1
    let mark = Array("{\"ping\":\(pings)}".utf8)
    try send(.ping, json: mark)
    var refusals: [Refusal] = []
    let deadline = Deadline.standard
    while true {
      let message = try receiveAny(deadline, waitingFor: "pong")
      if message.header.kind == .pong, message.payload == mark { return refusals }
      switch message.header.kind {
      case .refuse: refusals.append(try message.refusal())
      case .credit, .pong: break
      default: passedOver.append(message)
      }
    }
  }

  /// Numbers of the acknowledgements of a stream that have come; other messages are kept for later.
  func acknowledgements(of stream: String) throws -> [UInt64] {
    while let message = try receiveAny(within: .milliseconds(20)) {
      if message.header.kind != .credit, message.header.kind != .pong { passedOver.append(message) }
    }
    return acknowledgementsSoFar(of: stream).map(\.header.number)
  }

  /// Acknowledgements of a stream that were read while something else was waited for.
  func acknowledgementsSoFar(of stream: String) -> [ReceivedMessage] {
    func isWanted(_ message: ReceivedMessage) -> Bool {
      message.header.kind == .acknowledge && message.stream == stream
    }
    defer { passedOver.removeAll(where: isWanted) }
    return passedOver.filter(isWanted)
  }

  /// Answers of a stream until they hold `count` steps; a refusal is an error.
  func answers(of stream: String, steps count: Int) throws -> [ReceivedMessage] {
    var answers: [ReceivedMessage] = []
    var steps = 0
    while steps < count {
      let answer = try receive(.answer, of: stream)
      steps += answer.isFriendly ? (answer.payload.isEmpty ? 0 : 1) : Int(answer.header.count)
      answers.append(answer)
    }
    return answers
  }

  /// Answers of a stream up to the last; a refusal is an error.
  func answersToEnd(of stream: String) throws -> [ReceivedMessage] {
    var answers: [ReceivedMessage] = []
    repeat { answers.append(try receive(.answer, of: stream)) } while answers.last?.isLast == false
    return answers
  }
}
