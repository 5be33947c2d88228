import Monitoring
import Wire
import ZeroMQ

/// One stage's taps: copies of what passes, for whoever subscribed, and no work for nobody.
///
/// An XPUB socket tells what is subscribed to. What is to be published is put into a queue, which a
/// thread of lower priority reads (`TapRelay`); where the queue has no room, the message is passed over
/// before a byte of it is made. Each message has its `sequence` all the same, counted per full topic
/// since the daemon started, so that every reader sees the hole.
final class Tap {
  private let feed: TapFeed
  private let socket: Socket<ExtendedPublish>
  private let queue = TapQueue()
  private let stage: String
  private var message: Multipart
  private var subscriptions: TapSubscriptions
  private var topics: TapTopicTable
  private let events: TapTopic
  private let skipped: OwnedCounter
  /// Whether some subscription names `gates` or `state`: to be looked at before `wantsSome`, since it is
  /// asked for every step.
  private(set) var isAskedForCostly = false

  private static var nothing: UnsafeRawBufferPointer { .init(start: nil, count: 0) }

  /// Connects to the process's relay; `stage` is the second word of the topics, `name` the stage's own.
  init(_ control: StageControl, feed: TapFeed, stage: String, name: String) throws {
    self.feed = feed
    socket = try Socket<ExtendedPublish>(control.context)
    message = Multipart()
    self.stage = stage
    subscriptions = TapSubscriptions(stage: stage)
    topics = TapTopicTable(stage: stage)
    events = TapTopic(name: "tap/daemon/events/\(stage)/")
    skipped = control.metrics.registry.counter(
      "millrace_tap_skipped_total",
      "Messages of taps that were not published, so that publishing slows nothing; holes for all.",
      [MetricLabel("stage", name)])
    try socket.setLinger(.zero)
    try socket.connect(feed.endpoint)
    feed.add(queue)
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
      topics.subscriptionsChanged()
    }
  }

  // MARK: What somebody wants

  /// `tap/STAGE/WHAT/NAME/`, when a subscription covers it.
  func topic(_ what: String, stream: StreamID) -> TapTopic? {
    guard !subscriptions.isEmpty else { return nil }
    let topic = topics.topic(TapTopic.Key(what: what, stream: stream), subscriptions)
    return topic.isWanted ? topic : nil
  }

  /// Whether a subscription that names `gates` or `state` covers `tap/STAGE/WHAT/NAME/`, or something
  /// below it; one to everything does not ask for them.
  func wantsSome(_ what: String, stream: StreamID) -> Bool {
    !subscriptions.isEmpty && subscriptions.asksForCostly("tap/\(stage)/\(what)/\(stream.name)/")
  }

  /// Whether a message of usual length would be published now.
  var hasRoom: Bool { queue.hasRoom }

  /// Whether somebody wants the list of streams.
  var wantsStreams: Bool {
    !subscriptions.isEmpty && subscriptions.covers("tap/\(stage)/streams/all/")
  }

  // MARK: Publishing

  /// Publishes a copy under `tap/STAGE/WHAT/NAME/` when a subscription covers it.
  ///
  /// `life` is the stream's, as the tokenizer stage counts them.
  func publish(
    _ what: String, stream: StreamID, life: UInt64, header: Header,
    payload: UnsafeRawBufferPointer, ids: UnsafeRawBufferPointer
  ) {
    guard let topic = topic(what, stream: stream) else { return }
    publish(topic, life: life, header: header, payload: payload, ids: ids)
  }

  /// The same under a topic that is wanted.
  func publish(
    _ topic: TapTopic, life: UInt64?, header: Header, payload: UnsafeRawBufferPointer,
    ids: UnsafeRawBufferPointer
  ) {
    put(topic, life: life, header, payload, ids, isUrgent: false)
  }

  /// Publishes rows of floats under `tap/STAGE/WHAT/NAME/PART/` when a subscription covers it.
  func publish(_ what: String, stream: StreamID, part: String, header: Header, rows: [Float]) {
    guard !subscriptions.isEmpty else { return }
    let key = TapTopic.Key(what: what, stream: stream, part: part)
    let topic = topics.topic(key, subscriptions)
    guard topic.isWanted else { return }
    rows.withUnsafeBytes {
      publish(topic, life: nil, header: header, payload: $0, ids: Tap.nothing)
    }
  }

  /// Publishes an output line, that of the answer `number`.
  func publish(_ topic: TapTopic, line: [UInt8], number: UInt64, isUrgent: Bool = false) {
    publish(json: line, kind: .answer, topic, number: number, isUrgent: isUrgent)
  }

  /// Counts messages of a topic that are not even made, since the queue has no room.
  func passOver(_ topic: TapTopic, count: UInt64) {
    var isDue = 0
    if topic.isWantedPlainly { topic.next += count }
    if topic.isWantedRarely {
      for _ in 0..<count {
        for limit in due(topic) {
          topic.nextByLimit[limit, default: 0] += 1
          isDue += 1
        }
      }
    }
    skipped.add((topic.isWantedPlainly ? count : 0) + UInt64(isDue))
  }

  /// Publishes a daemon event under `tap/daemon/events/STAGE/`; `event` is one JSON object.
  func publish(event: @autoclosure () -> String) {
    guard !subscriptions.isEmpty else { return }
    topics.refresh(events, subscriptions)
    guard events.isWanted else { return }
    publish(json: Array(event().utf8), kind: .data, events, isUrgent: true)
  }

  /// Publishes the list of streams under `tap/STAGE/streams/all/`; one JSON object.
  func publish(streams: String) {
    guard let topic = topic("streams", stream: StreamID(literal: "all")) else { return }
    publish(json: Array(streams.utf8), kind: .data, topic, isUrgent: true)
  }

  /// Publishes what the process counts under `tap/daemon/stats/PROCESS/`; one JSON object.
  func publish(stats: @autoclosure () throws -> [UInt8], process: String) throws {
    guard let process = StreamID(process), let topic = topic("stats", stream: process) else {
      return
    }
    publish(json: try stats(), kind: .data, topic, isUrgent: true)
  }

  private func publish(
    json: [UInt8], kind: MessageKind, _ topic: TapTopic, number: UInt64 = 0, isUrgent: Bool
  ) {
    var header = Header(kind: kind)
    header.number = number
    header.elementType = .json
    header.count = 1
    header.width = UInt32(json.count)
    json.withUnsafeBytes {
      put(topic, life: nil, header, $0, Tap.nothing, isUrgent: isUrgent)
    }
  }

  private func due(_ topic: TapTopic) -> [String] {
    subscriptions.due(topic.name, microseconds: MonotonicClock.microseconds)
  }

  private func put(
    _ topic: TapTopic, life: UInt64?, _ header: Header, _ payload: UnsafeRawBufferPointer,
    _ ids: UnsafeRawBufferPointer, isUrgent: Bool
  ) {
    if topic.isWantedPlainly {
      put(topic.name, topic.next, life, header, payload, ids, isUrgent: isUrgent)
      topic.next += 1
    }
    guard topic.isWantedRarely else { return }
    for limit in due(topic) {
      let sequence = topic.nextByLimit[limit] ?? 0
      put(limit + topic.name, sequence, life, header, payload, ids, isUrgent: isUrgent)
      topic.nextByLimit[limit] = sequence + 1
    }
  }

  private func put(
    _ name: String, _ sequence: UInt64, _ life: UInt64?, _ header: Header,
    _ payload: UnsafeRawBufferPointer, _ ids: UnsafeRawBufferPointer, isUrgent: Bool
  ) {
    var name = name
    let isTaken = name.withUTF8 { name in
      let byteCount = TapRecord.byteCount(
        topic: name.count, payload: payload.count, ids: ids.count)
      return queue.offer(byteCount: byteCount, isUrgent: isUrgent) {
        TapRecord.write(
          topic: UnsafeRawBufferPointer(name), header: header, payload: payload, ids: ids,
          sequence: sequence, life: life, into: $0)
      }
    }
    if isTaken { feed.ring() } else { skipped.add(1) }
  }
}
