import DequeModule
import Logging
import Wire
import ZeroMQ

/// The control socket: a ROUTER that takes requests in JSON, and gives a reply when there is one.
///
/// It never waits for a peer, and what it keeps is bounded. Owned by the tokenizer stage's thread.
final class ControlSocket {
  /// Who asked, and how the reply finds the way back.
  struct Asker {
    fileprivate let routingID: [UInt8]
    /// Whether an empty part stood before the request, as a REQ sends it.
    fileprivate let hasDelimiter: Bool
    /// What the request called itself, as JSON; nil for nothing.
    fileprivate var id: String?
  }

  /// A reply that libzmq would not take yet.
  private struct Waiting {
    let reply: [UInt8]
    let attachment: [UInt8]?
    let asker: Asker
    let milliseconds: UInt64
  }

  let socket: Socket<Router>
  let watch: PeerWatch
  private let logger: Logger
  private let clock: StageClock
  private var message = Multipart(capacity: 5)
  private var waiting: Deque<Waiting> = []
  /// Requests that were taken and not answered to the end.
  private var open = 0
  private var pace = LogPace()

  /// Binds the endpoint; the folder of an ipc path is made.
  ///
  /// - Throws: a `ZeroMQError`, or a `FileFailure` for the folder.
  init(_ control: StageControl, endpoint: String) throws {
    logger = control.logger
    clock = control.clock
    try Endpoint.makeFolder(for: endpoint)
    socket = try Socket<Router>(control.context)
    try socket.setRouterMandatory(true)
    try socket.setSendHighWaterMark(Limits.controlRequests)
    try socket.setReceiveHighWaterMark(Limits.controlRequests)
    try socket.setMaximumMessageBytes(Int64(Limits.controlMessageBytes))
    try control.guarding.protect(socket, as: .control, at: endpoint)
    try socket.setHeartbeat(interval: .seconds(2), timeout: .seconds(6))
    try socket.setLinger(.seconds(2))
    watch = try PeerWatch(socket, use: .control, guarding: control.guarding)
    try socket.bind(endpoint)
  }

  /// Has a poller wake up for requests, and for who comes and goes; returns the items' indexes.
  func add(to poller: inout Poller) -> [Int] {
    [poller.add(socket), watch.add(to: &poller)]
  }

  /// Whether replies are still to be sent.
  var hasWaiting: Bool { !waiting.isEmpty }

  /// Reads some requests without waiting; `handle` answers each, now or later, or throws a
  /// `ControlRefusal`.
  ///
  /// - Throws: a `ZeroMQError`, or what else `handle` throws.
  func receive(_ handle: (ControlRequest, Asker) throws -> Void) throws {
    try watch.gather()
    flushWaiting()
    for _ in 0..<Limits.controlDrain {
      guard try socket.receive(into: &message) else { break }
      // The first part is the ROUTER's own.
      if message.partCount > 1 { watch.hear(from: message.sourceDescriptor(1)) }
      try take(handle)
    }
    for departure in watch.departures() where !departure.wasHeard {
      guard pace.admit(milliseconds: clock.milliseconds) != nil else { continue }
      logger.warning(
        "peer disconnected", metadata: ["endpoint": "control", "reason": "\(departure.reason)"])
    }
  }

  private func take(_ handle: (ControlRequest, Asker) throws -> Void) throws {
    let hasDelimiter = message.partCount > 2 && message.bytes(1).isEmpty
    let first = hasDelimiter ? 2 : 1
    var asker = Asker(
      routingID: Array(message.bytes(0)), hasDelimiter: hasDelimiter, id: nil)
    open += 1
    do {
      guard (first + 1...first + 2).contains(message.partCount) else {
        throw ControlRefusal(
          .badRequest,
          "the request has \(message.partCount - first) parts, expected JSON, and a file behind it "
            + "where the verb takes one")
      }
      let attachment =
        message.partCount > first + 1 ? Array(message.bytes(first + 1)) : []
      let request = try ControlRequest(
        message.bytes(first), attachment: attachment, id: &asker.id)
      guard open <= Limits.controlRequests else {
        throw ControlRefusal(
          .busy, "\(Limits.controlRequests) requests are being answered; ask again later")
      }
      try handle(request, asker)
    } catch let refusal as ControlRefusal {
      refuse(refusal, to: asker)
    }
  }

  // MARK: Replies

  func refuse(_ refusal: ControlRefusal, to asker: Asker) {
    var fields = ControlFields()
    fields.put("code", refusal.code.rawValue)
    fields.put("message", refusal.message)
    reply(ControlReply(fields: fields), isDone: false, to: asker)
  }

  /// Answers a request, or a part of it.
  func reply(_ reply: ControlReply, to asker: Asker) { self.reply(reply, isDone: true, to: asker) }

  private func reply(_ reply: ControlReply, isDone: Bool, to asker: Asker) {
    if !reply.hasMore { open -= 1 }
    let bytes = ControlSocket.encode(reply, isDone: isDone, id: asker.id)
    guard waiting.isEmpty, transmit(bytes, reply.attachment, to: asker) else {
      waiting.append(
        Waiting(
          reply: bytes, attachment: reply.attachment, asker: asker,
          milliseconds: clock.milliseconds))
      return
    }
  }

  private static func encode(_ reply: ControlReply, isDone: Bool, id: String?) -> [UInt8] {
    var fields = ControlFields()
    if let id { fields.put("id", json: id) }
    fields.put("ok", isDone)
    if reply.hasMore { fields.put("more", true) }
    let rest = reply.fields.text
    return Array("{\(fields.text)\(rest.isEmpty ? "" : ",")\(rest)}".utf8)
  }

  /// False when libzmq would not take it now; for a peer that has gone there is nothing to do.
  private func transmit(_ reply: [UInt8], _ attachment: [UInt8]?, to asker: Asker) -> Bool {
    do {
      let outcome = try asker.routingID.withUnsafeBytes { try socket.send($0, more: true) }
      guard outcome == .sent else { return outcome == .unreachable }
      if asker.hasDelimiter { _ = try socket.send("", more: true) }
      _ = try reply.withUnsafeBytes { try socket.send($0, more: attachment != nil) }
      if let attachment { _ = try attachment.withUnsafeBytes { try socket.send($0, more: false) } }
    } catch {
      // Only a terminated context gets here: the stage's next receive ends its loop.
    }
    return true
  }

  /// Tries again; who does not read for a while goes without.
  private func flushWaiting() {
    let now = clock.milliseconds
    for _ in 0..<waiting.count {
      guard let first = waiting.popFirst() else { return }
      if !transmit(first.reply, first.attachment, to: first.asker),
        now - first.milliseconds < Limits.controlReplyMilliseconds
      {
        waiting.append(first)
      }
    }
  }
}
