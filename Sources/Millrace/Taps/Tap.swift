import Wire
import ZeroMQ

/// One stage's taps: copies of what passes, for whoever subscribed, and no work for nobody.
///
/// An XPUB socket tells what is subscribed to. What a slow reader loses, libzmq drops in silence;
/// each message carries `sequence`, counted per full topic since the daemon started, so that the
/// reader sees the hole.
final class Tap {
  private let socket: Socket<ExtendedPublish>
  private let stage: String
  private var message: Multipart
  private var subscriptions: TapSubscriptions
  private var sequences = TopicSequences()
  /// Whether some subscription names `gates` or `state`: to be looked at before `wantsSome`, since it is
  /// asked for every step.
  private(set) var isAskedForCostly = false

  /// Connects to the process's relay; `stage` is the second word of the topics.
  init(context: Context, endpoint: String, stage: String) throws {
    socket = try Socket<ExtendedPublish>(context)
    message = Multipart()
    self.stage = stage
    subscriptions = TapSubscriptions(stage: stage)
    try socket.setSendHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setLinger(.zero)
    try socket.connect(endpoint)
  }

  /// Has a poller wake up for subscriptions that come and go; returns the item's index.
  func add(to poller: inout Poller) -> Int { poller.add(socket) }

  /// Whether anybody listens.
  var isHeard: Bool { !subscriptions.isEmpty }

  /// Takes note of them.
  func readSubscriptions() throws {
    while try socket.receive(into: &message) {
      subscriptions.take(message.bytes(0))
      isAskedForCostly = subscriptions.hasCostly
    }
  }

  /// Whether a subscription covers `tap/STAGE/WHAT/NAME/`.
  func wants(_ what: String, stream: StreamID) -> Bool {
    !subscriptions.isEmpty && subscriptions.covers(topic(what, stream))
  }

  /// Whether a subscription that names `gates` or `state` covers `tap/STAGE/WHAT/NAME/`, or something
  /// below it; one to everything does not ask for them.
  func wantsSome(_ what: String, stream: StreamID) -> Bool {
    !subscriptions.isEmpty && subscriptions.asksForCostly(topic(what, stream))
  }

  /// Publishes rows of floats under `tap/STAGE/WHAT/NAME/PART/` when a subscription covers it.
  func publish(
    _ what: String, stream: StreamID, part: String, header: Header, rows: [Float]
  ) throws {
    try rows.withUnsafeBytes {
      try publish(
        topic: topic(what, stream) + part + "/", header: header, payload: $0,
        ids: .init(start: nil, count: 0))
    }
  }

  /// Publishes a copy under `tap/STAGE/WHAT/NAME/` when a subscription covers it.
  ///
  /// `life` is the stream's, as the tokenizer stage counts them.
  func publish(
    _ what: String, stream: StreamID, life: UInt64, header: Header,
    payload: UnsafeRawBufferPointer, ids: UnsafeRawBufferPointer
  ) throws {
    guard !subscriptions.isEmpty else { return }
    try publish(
      topic: topic(what, stream), header: header, payload: payload, ids: ids, life: life)
  }

  /// Publishes an output line, that of the answer `number`, under `tap/STAGE/WHAT/NAME/`.
  func publish(_ what: String, stream: StreamID, line: [UInt8], number: UInt64) throws {
    try publish(json: line, kind: .answer, topic: topic(what, stream), number: number)
  }

  /// Publishes a daemon event under `tap/daemon/events/STAGE/`; `event` is one JSON object.
  func publish(event: @autoclosure () -> String) throws {
    guard !subscriptions.isEmpty else { return }
    try publish(json: Array(event().utf8), kind: .data, topic: "tap/daemon/events/\(stage)/")
  }

  /// Whether somebody wants the list of streams.
  var wantsStreams: Bool {
    !subscriptions.isEmpty && subscriptions.covers("tap/\(stage)/streams/all/")
  }

  /// Publishes the list of streams under `tap/STAGE/streams/all/`; one JSON object.
  func publish(streams: String) throws {
    try publish(json: Array(streams.utf8), kind: .data, topic: "tap/\(stage)/streams/all/")
  }

  /// Publishes what the process counts under `tap/daemon/stats/PROCESS/`; one JSON object.
  func publish(stats: @autoclosure () throws -> [UInt8], process: String) throws {
    let topic = "tap/daemon/stats/\(process)/"
    guard !subscriptions.isEmpty, subscriptions.covers(topic) else { return }
    try publish(json: try stats(), kind: .data, topic: topic)
  }

  private func topic(_ what: String, _ stream: StreamID) -> String {
    "tap/\(stage)/\(what)/\(stream.name)/"
  }

  private func publish(
    json: [UInt8], kind: MessageKind, topic: String, number: UInt64 = 0
  ) throws {
    var header = Header(kind: kind)
    header.number = number
    header.elementType = .json
    header.count = 1
    header.width = UInt32(json.count)
    try json.withUnsafeBytes {
      try publish(
        topic: topic, header: header, payload: $0, ids: .init(start: nil, count: 0))
    }
  }

  private func publish(
    topic: String, header: Header, payload: UnsafeRawBufferPointer, ids: UnsafeRawBufferPointer,
    life: UInt64? = nil
  ) throws {
    if subscriptions.coversPlainly(topic) {
      try sequences.publish(
        topic: topic, header: header, payload: payload, ids: ids, life: life, on: socket)
    }
    for limit in subscriptions.due(topic, microseconds: MonotonicClock.microseconds) {
      try sequences.publish(
        topic: limit + topic, header: header, payload: payload, ids: ids, life: life, on: socket)
    }
  }
}
