import Logging
import Wire
import ZeroMQ

/// A link's way between two sockets of the engine: what is under way on it, and what a cut takes.
///
/// A connection never loses or reorders single messages, as TCP does not: a cut loses a stretch, and two
/// connections overtake each other. The end of a stage that runs on is never closed, since libzmq would
/// tell the stage at a time of its own.
final class Relay {
  /// A message under way.
  struct Message {
    let parts: [[UInt8]]
    let sentMilliseconds: UInt64

    /// For people who follow a run.
    var text: String {
      guard parts.count > 1,
        let header = try? parts[1].withUnsafeBytes({ try Header(bytes: $0) })
      else { return "no header" }
      let payload = header.elementType == .json ? String(decoding: parts[2], as: UTF8.self) : ""
      return "\(header.kind.name) \(String(decoding: parts[0], as: UTF8.self)) "
        + "number \(header.number) count \(header.count) flags \(header.flags.rawValue) input "
        + "\(header.input) model \(header.model) \(payload)"
    }
  }

  let name: String
  private let context: Context
  private let clock: SimulatedClock
  private let logger: Logger
  /// Towards the receiving side, and back.
  private(set) var inward: [Message] = []
  private(set) var outward: [Message] = []
  /// Where the sending side is connected; nil for a client, and while that stage is down.
  private var front: RelayEnd?
  /// The connection to the receiving side; nil while that is down.
  private var back: RelayEnd?
  /// Where the receiving side listens.
  private var address: String?
  /// Connections that were cut, and that the receiving side takes for silent.
  private var silent: [RelayEnd] = []
  /// Where what goes back arrives, for a client.
  var receive: ((Message) throws -> Void)?

  init(_ name: String, context: Context, clock: SimulatedClock, logger: Logger) {
    self.name = name
    self.logger = logger
    self.context = context
    self.clock = clock
  }

  // MARK: Passing on

  /// What a client sends.
  func send(_ parts: [[UInt8]]) {
    inward.append(Message(parts: parts, sentMilliseconds: clock.milliseconds))
  }

  /// Takes what the stages at both ends have sent.
  func gather() throws {
    while let parts = try front?.receive() { send(parts) }
    while let parts = try back?.receive() {
      outward.append(Message(parts: parts, sentMilliseconds: clock.milliseconds))
    }
  }

  /// Lets messages arrive at the receiving side.
  func deliverInward(_ count: Int) throws {
    try gather()
    guard let back else { return }
    for message in inward.prefix(count) {
      tell(">", message)
      try back.send(message.parts)
    }
    inward.removeFirst(min(count, inward.count))
  }

  /// Lets messages arrive at the sending side.
  func deliverOutward(_ count: Int) throws {
    try gather()
    guard front != nil || receive != nil else { return }
    let arriving = outward.prefix(count)
    outward.removeFirst(arriving.count)
    for message in arriving {
      tell("<", message)
      try front?.send(message.parts)
      try receive?(message)
    }
  }

  private func tell(_ way: String, _ message: Message) {
    logger.debug("\(name) \(way) \(message.text)")
  }

  // MARK: Faults

  /// Cuts the connection: `arriving` messages of each way still arrive, `lost` of those towards the
  /// receiving side and all others that go back are lost; what is left goes by a new connection.
  ///
  /// - Returns: when the oldest was sent that will not come back.
  func cut(arriving: Int, lost: Int) throws -> UInt64? {
    try deliverInward(arriving)
    try deliverOutward(arriving)
    inward.removeFirst(min(lost, inward.count))
    if let back { silent.append(back) }
    back = nil
    try connect()
    return loseOutward()
  }

  private func loseOutward() -> UInt64? {
    defer { outward = [] }
    return oldestOutward
  }

  /// Whether anything is on its way to the receiving side.
  var isCarrying: Bool { !inward.isEmpty }

  /// When the oldest was sent of what is on its way back.
  var oldestOutward: UInt64? { outward.map(\.sentMilliseconds).min() }

  private func connect() throws {
    guard let address else { return }
    back = try RelayEnd(connecting: address, context)
  }

  /// The receiving side has died: what had reached it is lost, as are the next `lost` messages.
  func receiverDied(arriving: Int, lost: Int) throws -> UInt64? {
    try gather()
    try deliverOutward(arriving)
    back = nil
    address = nil
    inward.removeFirst(min(lost, inward.count))
    return loseOutward()
  }

  /// The receiving side listens again.
  func receiverBegan(at address: String) throws {
    self.address = address
    try connect()
  }

  /// The sending side has died: some of what it had sent still arrives.
  func senderDied(arriving: Int) throws {
    try deliverInward(arriving)
    front = nil
    inward = []
    outward = []
    if let back { silent.append(back) }
    back = nil
  }

  /// Listens for a sending side that is about to begin.
  func listen(at address: String) throws {
    front = try RelayEnd(binding: address, context)
    if back == nil { try connect() }
  }
}

/// One end of a link inside a relay.
private final class RelayEnd {
  private let socket: Socket<Dealer>
  private var message = Multipart()

  private init(_ context: Context) throws {
    socket = try Socket<Dealer>(context)
    try socket.setSendHighWaterMark(0)
    try socket.setReceiveHighWaterMark(0)
    try socket.setLinger(.zero)
  }

  convenience init(binding address: String, _ context: Context) throws {
    try self.init(context)
    try socket.bind(address)
  }

  convenience init(connecting address: String, _ context: Context) throws {
    try self.init(context)
    try socket.connect(address)
  }

  func send(_ parts: [[UInt8]]) throws {
    for (index, part) in parts.enumerated() {
      _ = try part.withUnsafeBytes { try socket.send($0, more: index + 1 < parts.count) }
    }
  }

  func receive() throws -> [[UInt8]]? {
    guard try socket.receive(into: &message) else { return nil }
    return (0..<message.partCount).map { Array(message.bytes($0)) }
  }
}
