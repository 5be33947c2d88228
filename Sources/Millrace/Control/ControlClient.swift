import Wire
import ZeroMQ

/// A client of a daemon's control socket; used by one thread.
final class ControlClient {
  private let endpoint: String
  private let socket: Socket<Dealer>
  private var monitor: SocketMonitor
  private var message = Multipart(capacity: 3)
  private var isConnected = false
  /// Whether the connection broke since the request was sent: nobody will answer it any more.
  private var isCutOff = false
  private var trouble: HandshakeTrouble?

  /// How long a daemon may take to let us in.
  private static let connectMilliseconds: UInt64 = 5000
  /// How long it may take to answer; what takes longer there is given up there, too.
  private static let replyMilliseconds: UInt64 = 60_000

  /// Connects; `keys` are for an endpoint that is encrypted.
  ///
  /// - Throws: a `ZeroMQError`.
  init(context: Context, endpoint: String, keys: CurveClientKeys?) throws {
    self.endpoint = endpoint
    socket = try Socket<Dealer>(context)
    try socket.setMaximumMessageBytes(Int64(Limits.controlMessageBytes))
    try socket.setHandshakeInterval(Limits.handshake)
    try socket.setHeartbeat(interval: .seconds(2), timeout: .seconds(6))
    try socket.setLinger(.zero)
    if let keys { try socket.setCurveClient(keys) }
    monitor = try SocketMonitor(socket)
    try socket.connect(endpoint)
  }

  /// Asks, and waits for the last reply.
  ///
  /// - Parameters:
  ///   - verb: what is to be done.
  ///   - fields: its keys.
  ///   - attachment: a file behind them.
  ///   - handle: called with each reply.
  /// - Throws: a `Filter.Failure` where no daemon answers, or where one went away before it did, and may
  ///   have done what it was asked; `ControlAnswer.Refused`, or what `handle`
  ///   throws.
  func ask(
    _ verb: ControlVerb, _ fields: ControlFields = ControlFields(), attachment: [UInt8]? = nil,
    handle: (ControlAnswer) throws -> Void
  ) throws {
    try watch()
    isCutOff = false
    var request = ControlFields()
    request.put("do", verb.rawValue)
    let text =
      "{\(request.text)\(fields.text.isEmpty ? "" : ",")\(fields.text)}"
    _ = try socket.send(text, more: attachment != nil)
    if let attachment { _ = try attachment.withUnsafeBytes { try socket.send($0, more: false) } }
    var poller = Poller()
    poller.add(socket)
    poller.add(monitor)
    var since = MonotonicClock.milliseconds
    while true {
      while try socket.receive(into: &message) {
        let attachment = message.partCount > 1 ? Array(message.bytes(1)) : []
        let answer: ControlAnswer
        do {
          answer = try ControlAnswer(message.bytes(0), attachment: attachment)
        } catch is JSONError {
          throw Filter.Failure.noControl(endpoint: endpoint)
        }
        try handle(answer)
        if !answer.hasMore { return }
        since = MonotonicClock.milliseconds
      }
      if isCutOff { throw Filter.Failure.cutOff(endpoint: endpoint) }
      try watch()
      let patience =
        isConnected ? ControlClient.replyMilliseconds : ControlClient.connectMilliseconds
      if let trouble, trouble.isFinal || MonotonicClock.milliseconds - since > patience {
        throw Filter.Failure.notLetIn(endpoint: endpoint, reason: trouble.ownWords)
      }
      guard MonotonicClock.milliseconds - since <= patience else {
        throw Filter.Failure.noAnswer(endpoint: endpoint)
      }
      _ = try poller.wait(timeout: .milliseconds(100))
    }
  }

  private func watch() throws {
    while let event = try monitor.next() {
      if event.kind == .handshakeSucceeded {
        isConnected = true
        trouble = nil
      } else if event.kind == .disconnected {
        isCutOff = isCutOff || isConnected
        isConnected = false
      } else if let found = HandshakeTrouble(event.kind) {
        trouble = found
      }
    }
  }

  /// As `ask`, for a verb with one reply.
  func ask(
    _ verb: ControlVerb, _ fields: ControlFields = ControlFields(), attachment: [UInt8]? = nil
  ) throws -> ControlAnswer {
    var last: ControlAnswer?
    try ask(verb, fields, attachment: attachment) { last = $0 }
    guard let last else { throw Filter.Failure.noAnswer(endpoint: endpoint) }
    return last
  }
}
