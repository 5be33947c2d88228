import Logging
import Wire
import ZeroMQ

/// The receiving side of a link: a ROUTER, its peers and their credit.
///
/// The same for a client's connection to the tokenizer stage, and for the links between stages. It
/// answers hello and ping, refuses what cannot be read, and hands on the rest; answers go back by
/// the connection that the data came on.
final class LinkReceiver {
  let socket: Socket<Router>
  private var message: Multipart
  var connections: [RoutingID: Connection] = [:]
  /// Whose message came last: the next one's is often the same.
  var latest: Connection?
  private let window: UInt64
  let isAcknowledging: Bool
  /// Whether nothing is taken of a connection before its hello, so that no message is missed between
  /// two connections of one stage.
  let needsHello: Bool
  private let connectionsMax: Int
  let clock: StageClock
  /// Told of each refusal; nil where nobody counts.
  var onRefusal: ((RefusalCode) -> Void)?
  /// When the message that is being handled was read.
  private(set) var heardNanoseconds: UInt64 = 0
  /// Who went, and why; nil where nobody asked.
  let watch: PeerWatch?
  var nextKeepAliveMilliseconds: UInt64 = 0

  /// Binds the endpoint.
  ///
  /// - Parameters:
  ///   - context: where the socket is made.
  ///   - clock: the time that it goes by.
  ///   - endpoint: where peers connect; the folder of an ipc path is made.
  ///   - window: units that one connection may have under way.
  ///   - isAcknowledging: whether accepted data is acknowledged; stages in one chain need not.
  ///   - queueMessages: libzmq's bound for each peer and direction; 0 where credit is the bound.
  ///   - isWatched: whether `watch` is to tell who goes.
  ///   - use: what the endpoint is for.
  ///   - guarding: who may connect.
  /// - Throws: a `ZeroMQError`, or the file system's error for the folder.
  init(
    context: Context, clock: StageClock, endpoint: String, window: UInt64,
    isAcknowledging: Bool, queueMessages: Int, isWatched: Bool = false, use: EndpointUse,
    guarding: EndpointGuard
  ) throws {
    try Endpoint.makeFolder(for: endpoint)
    socket = try Socket<Router>(context)
    message = Multipart()
    self.window = window
    self.clock = clock
    self.isAcknowledging = isAcknowledging
    needsHello = use == .links
    // Those who went are remembered for a while, and may come again meanwhile.
    connectionsMax = 2 * guarding.connectionsMax
    try socket.setRouterMandatory(true)
    try socket.setSendHighWaterMark(queueMessages)
    try socket.setReceiveHighWaterMark(queueMessages)
    try socket.setMaximumMessageBytes(Int64(Limits.messageBytes))
    try guarding.protect(socket, as: use, at: endpoint)
    try socket.setHeartbeat(interval: .seconds(2), timeout: .seconds(6))
    try socket.setLinger(.seconds(2))
    watch = isWatched ? try PeerWatch(socket, use: use, guarding: guarding) : nil
    try socket.bind(endpoint)
  }

  var connectionCount: Int { connections.count }
  var hasWaiting: Bool { connections.values.contains { !$0.waiting.isEmpty } }
  /// Whether messages or acknowledgements wait, so that there is to be another flush soon.
  var isFlushDue = false

  // MARK: Receiving

  /// Reads up to `limit` messages without waiting; returns how many were read.
  ///
  /// `handle` gets data, answers and hellos; it counts their units against the credit.
  func receive(
    limit: Int, handle: (InboundMessage, Connection) throws -> Void
  ) throws -> Int {
    for count in 0..<limit {
      guard try socket.receive(into: &message) else { return count }
      let connection = connection(for: message.bytes(0))
      guard let connection else { continue }
      heardNanoseconds = clock.nanoseconds
      connection.lastHeardMilliseconds = heardNanoseconds / 1_000_000
      guard connection.uncreditedBytes < Limits.uncreditedReplyBytes else {
        tellToRead(connection)
        continue
      }
      do {
        try dispatch(connection, handle)
      } catch let error as WireError {
        refuse(Refusal(error), to: connection, stream: streamBytes, header: nil)
      }
    }
    return limit
  }

  /// The stream that a message names; nothing where that is no name, which is never echoed.
  private var streamBytes: UnsafeRawBufferPointer {
    guard message.partCount > 1, StreamID(bytes: message.bytes(1)) != nil else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return message.bytes(1)
  }

  private func connection(for id: UnsafeRawBufferPointer) -> Connection? {
    if let latest, latest.hasRoutingID(id) { return latest }
    let routingID = RoutingID(id)
    if let known = connections[routingID] {
      latest = known
      return known
    }
    let connection = Connection(
      routingID: routingID.bytes, window: window, milliseconds: clock.milliseconds)
    guard connections.count < connectionsMax else {
      let refusal = Refusal(
        .overLimit, expected: "\(connectionsMax)", received: "\(connections.count + 1)",
        message: "too many connections; close some, or try again later")
      refuse(refusal, to: connection, stream: streamBytes, header: nil)
      return nil
    }
    connections[routingID] = connection
    latest = connection
    if message.partCount > 1 { watch?.hear(from: message.sourceDescriptor(1)) }
    return connection
  }

  private func tellToRead(_ connection: Connection) {
    guard !connection.isToldToRead else { return }
    connection.isToldToRead = true
    let refusal = Refusal(
      .overLimit, expected: "\(Limits.uncreditedReplyBytes)",
      received: "\(connection.uncreditedBytes)",
      message: "replies wait unread; read them, then say hello")
    refuse(refusal, to: connection, stream: streamBytes, header: nil)
  }

  private func dispatch(
    _ connection: Connection, _ handle: (InboundMessage, Connection) throws -> Void
  ) throws {
    let inbound = try parse(connection)
    if inbound.header.kind == .hello {
      connection.isGreeted = true
      connection.hello = inbound.header.number
      connection.isToldToGreet = false
    }
    if needsHello, !connection.isGreeted {
      // A ping may find out that an earlier request was lost with its connection.
      if !connection.isToldToGreet || inbound.header.kind == .ping {
        connection.isToldToGreet = true
        welcome(connection, model: "")
      }
      return
    }
    switch inbound.header.kind {
    case .data, .answer, .hello: try handle(inbound, connection)
    case .ping:
      guard connection.welcomesDue > 0 else {
        send(Header(kind: .pong), json: Array(inbound.payload), to: connection)
        break
      }
      // A pong tells that every welcome to a hello before it has come.
      if connection.pongsDue.count < Limits.drainMessages {
        connection.pongsDue.append(Array(inbound.payload))
      }
    case .pong: break
    case .acknowledge where needsHello, .models where needsHello: try handle(inbound, connection)
    case .acknowledge, .refuse, .welcome, .credit, .models:
      throw WireError(
        .badHeader, "kind \(inbound.header.kind.name) came from the sending side",
        expected: "data, hello, ping or pong")
    }
  }

  /// Reads the parts behind the routing identity.
  private func parse(_ connection: Connection) throws(WireError) -> InboundMessage {
    if message.partCount > 2 {
      connection.isFriendly = FriendlyHeader.matches(message.bytes(2))
    }
    return try InboundMessage(
      partCount: message.partCount - 1, byteCountMax: Limits.messageBytes
    ) { message.bytes($0 + 1) }
  }
}
