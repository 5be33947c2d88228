import Wire
import ZeroMQ

/// `millrace tap`: subscribes to taps or to published output, prints what comes, counts what was
/// lost.
final class TapReader {
  /// For people.
  let endpoint: String
  private let stopped: Signal
  let socket: Socket<Subscribe>
  private var monitor: SocketMonitor
  /// Whether somebody serves the endpoint.
  private var isConnected = false
  /// Why the last handshake failed.
  private var trouble: HandshakeTrouble?
  /// When to say that nobody does; nil once that is said.
  private var complainsAt: UInt64?
  private var message = Multipart()
  private var sequences = SequenceCounter()
  /// With kept lines: whose, and how far they are read.
  var follower: HistoryFollower?
  /// When to say that nobody answers for kept lines; nil once that is said.
  var missesHistoryAt: UInt64?
  var received: UInt64 = 0
  var lost: UInt64 { sequences.lost }

  /// How long nobody may be there before that is said.
  static let patienceMilliseconds: UInt64 = 1000

  /// Subscribes to topics that begin with one of `prefixes`; an empty one is everything.
  ///
  /// With `follower` it reads kept lines instead. Raising `stopped` ends `run`.
  init(
    endpoints: [String], keys: CurveClientKeys?, prefixes: [String],
    follower: HistoryFollower? = nil, stopped: Signal
  ) throws {
    self.follower = follower
    endpoint = endpoints.joined(separator: ", ")
    self.stopped = stopped
    socket = try Socket<Subscribe>(try Context())
    try socket.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setLinger(.zero)
    if let keys { try socket.setCurveClient(keys) }
    monitor = try SocketMonitor(socket)
    complainsAt = MonotonicClock.milliseconds + TapReader.patienceMilliseconds
    for endpoint in endpoints { try socket.connect(endpoint) }
    for prefix in follower.map({ [$0.topic.text] }) ?? prefixes { try socket.subscribe(prefix) }
  }

  /// Prints messages until `limit` have come or it is stopped.
  ///
  /// `output` gets each message in its form; `say` what else there is to know: that nobody is
  /// there, and what was lost.
  func run(
    limit: UInt64?, format: TapFormat, output: ([UInt8]) throws -> Void, say: (String) -> Void
  ) throws {
    var poller = Poller()
    poller.add(socket)
    poller.add(monitor)
    poller.add(stopped)
    while received < limit ?? .max, !stopped.isRaised {
      let due = [complainsAt, missesHistoryAt].compactMap(\.self).min()
      let patience = due.map { $0 - min($0, MonotonicClock.milliseconds) }
      _ = try poller.wait(timeout: patience.map { .milliseconds($0) })
      try watchConnection(say)
      missHistory(say)
      while received < limit ?? .max, try socket.receive(into: &message) {
        guard message.partCount >= 5 else { continue }
        let published = try TapMessage(message)
        if follower != nil {
          if let line = try follow(published, say), let bytes = try format.bytes(of: line) {
            try output(bytes)
          }
          continue
        }
        received += 1
        count(published.topic, published.note, say)
        if let bytes = try format.bytes(of: published) { try output(bytes) }
      }
    }
  }

  /// Says when nobody serves the endpoint, and when somebody does again.
  private func watchConnection(_ say: (String) -> Void) throws {
    while let event = try monitor.next() {
      switch event.kind {
      case .handshakeSucceeded:
        if complainsAt == nil { say("watching \(endpoint)") }
        isConnected = true
        complainsAt = nil
        if let follower, !follower.isHeard {
          missesHistoryAt = MonotonicClock.milliseconds + TapReader.patienceMilliseconds
        }
      case .disconnected where isConnected:
        isConnected = false
        say("\(endpoint) has gone; waiting for it. What passes meanwhile is not counted as lost")
      default: trouble = HandshakeTrouble(event.kind) ?? trouble
      }
      if let trouble, trouble.isFinal {
        throw Filter.Failure.notLetIn(endpoint: endpoint, reason: trouble.ownWords)
      }
    }
    guard let due = complainsAt, MonotonicClock.milliseconds >= due else { return }
    complainsAt = nil
    if let trouble, trouble.isOfKeys {
      say("waiting for \(endpoint): \(trouble.ownWords)")
    } else {
      say("waiting for \(endpoint): nobody serves it yet")
    }
  }

  /// Compares the note's sequence with the last one of the topic.
  private func count(_ topic: String, _ note: TapNote, _ say: (String) -> Void) {
    if case .hole(let count) = sequences.take(note, on: topic) {
      say("\(topic): \(count) messages lost here, \(lost) in all")
    }
  }
}
