import Logging
import Wire
import ZeroMQ

/// The subscribers of an XPUB socket: who may come, and how much they may ask for.
///
/// Owned by one stage's thread.
final class Subscribers {
  let socket: Socket<ExtendedPublish>
  private let use: EndpointUse
  private let logger: Logger
  private let watch: PeerWatch
  private let subscriptionsMax: Int
  private var message = Multipart(capacity: 2)
  /// What is subscribed to.
  private var prefixes: Set<[UInt8]> = []
  private var paces = (refused: LogPace(), departed: LogPace())

  /// Binds the endpoints.
  ///
  /// - Parameters:
  ///   - control: of the stage.
  ///   - context: where the socket is made.
  ///   - use: what the endpoints are for; those inside the process are open.
  ///   - endpoints: the folder of an ipc path is made.
  ///   - linger: how long what is unsent outlives the socket.
  ///   - subscriptions: prefixes that all subscribers together may ask for.
  /// - Throws: a `ZeroMQError`, or a `FileFailure` for the folder.
  init(
    _ control: StageControl, context: Context, use: EndpointUse, endpoints: [String],
    linger: Duration,
    subscriptions: Int
  ) throws {
    self.use = use
    logger = control.logger
    subscriptionsMax = subscriptions
    for endpoint in endpoints { try Endpoint.makeFolder(for: endpoint) }
    socket = try Socket<ExtendedPublish>(context)
    try socket.setSendHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setMaximumMessageBytes(Int64(StreamID.maximumBytes) * 4)
    try socket.setHeartbeat(interval: .seconds(2), timeout: .seconds(6))
    try socket.setLinger(linger)
    watch = try PeerWatch(socket, use: use, guarding: control.guarding)
    for endpoint in endpoints {
      try control.guarding.protect(socket, as: use, at: endpoint)
      try socket.bind(endpoint)
    }
  }

  /// Has a poller wake up for what is subscribed to, and for who comes and goes; the items' indices.
  func add(to poller: inout Poller) -> [Int] { [poller.add(socket), watch.add(to: &poller)] }

  /// Subscribers that are connected from outside the process.
  var connectionCount: Int { watch.connectionCount }

  /// Reads up to `limit` subscriptions without waiting; `handle` is told of each prefix that is
  /// wanted from now on, or no more.
  func read(limit: Int, _ handle: (UnsafeRawBufferPointer, Bool) throws -> Void) throws {
    try watch.gather()
    for _ in 0..<limit {
      guard try socket.receive(into: &message) else { break }
      let bytes = message.bytes(0)
      let prefix = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
      watch.hear(from: message.sourceDescriptor(0))
      switch bytes.first {
      case 1:
        guard prefixes.count < subscriptionsMax || prefixes.contains(Array(prefix)) else {
          refuse(message.sourceDescriptor(0))
          continue
        }
        if prefixes.insert(Array(prefix)).inserted { try handle(prefix, true) }
      case 0: if prefixes.remove(Array(prefix)) != nil { try handle(prefix, false) }
      default: break  // not a subscription: nothing else is taken from a subscriber
      }
    }
    report(watch.departures())
  }

  /// libzmq keeps what was asked for until the subscriber goes: so it has to go.
  private func refuse(_ descriptor: Int32?) {
    if let descriptor { socket.cutOff(descriptor) }
    guard let heldBack = paces.refused.admit(milliseconds: MonotonicClock.milliseconds) else {
      return
    }
    logger.warning(
      "subscriber cut off",
      metadata: metadata("more than \(subscriptionsMax) subscriptions", heldBack))
  }

  private func report(_ departures: [PeerWatch.Departure]) {
    for departure in departures where !departure.wasHeard {
      let now = MonotonicClock.milliseconds
      guard let heldBack = paces.departed.admit(milliseconds: now) else { continue }
      logger.warning("peer disconnected", metadata: metadata(departure.reason, heldBack))
    }
  }

  private func metadata(_ reason: String, _ heldBack: Int) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["endpoint": "\(use.rawValue)", "reason": "\(reason)"]
    if heldBack > 0 { metadata["others"] = "\(heldBack)" }
    return metadata
  }
}
