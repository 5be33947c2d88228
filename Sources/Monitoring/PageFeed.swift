import Synchronization
import Wire
import ZeroMQ

/// The dashboard's subscriber: one SUB socket for all open pages, on a thread of its own.
///
/// It subscribes to what the pages want to see and to nothing else. It can lose messages as every
/// subscriber can, counts them, and never holds up who publishes.
package final class PageFeed: Sendable {
  private let endpoints: [(endpoint: String, keys: CurveClientKeys?)]
  private let sessions = Mutex<[PageSession]>([])
  private let lostCount = Mutex<UInt64>(0)

  /// Pages that may be open at once.
  static let sessionsMax = 32
  private static let queueMessages = 4000
  /// How often pages are told what came.
  private static let turn = Duration.milliseconds(100)

  /// Subscribes at the endpoints of this daemon's taps; its processes may have one each, with keys
  /// where they are encrypted.
  package init(endpoints: [(endpoint: String, keys: CurveClientKeys?)]) {
    self.endpoints = endpoints
  }

  /// Messages that were published and never came here.
  package var lost: UInt64 { lostCount.withLock { $0 } }

  package var sessionCount: Int { sessions.withLock { $0.count } }

  /// Adds an open page; false when there are too many.
  func add(_ session: PageSession) -> Bool {
    sessions.withLock { sessions in
      guard sessions.count < PageFeed.sessionsMax else { return false }
      sessions.append(session)
      return true
    }
  }

  func remove(_ session: PageSession) {
    sessions.withLock { $0.removeAll { $0 === session } }
  }

  /// Blocks until `stop` is raised.
  package func run(context: Context, stop: Signal) throws {
    let socket = try Socket<Subscribe>(context)
    try socket.setReceiveHighWaterMark(PageFeed.queueMessages)
    try socket.setLinger(.zero)
    for (endpoint, keys) in endpoints {
      // Options hold for what is connected from then on (zmq_setsockopt(3)); inproc needs none.
      if let keys { try socket.setCurveClient(keys) }
      try socket.connect(endpoint)
    }
    var poller = Poller()
    poller.add(socket)
    poller.add(stop)
    var message = Multipart()
    var subscribed: Set<String> = []
    var sequences = SequenceWatch()
    var next = ContinuousClock.now
    while !stop.isRaised {
      let open = sessions.withLock { $0 }
      _ = try poller.wait(timeout: open.isEmpty ? .milliseconds(250) : max(.zero, next - .now))
      let wanted = open.reduce(into: Set<String>()) { $0.formUnion($1.prefixes) }
      for prefix in wanted.subtracting(subscribed) { try socket.subscribe(prefix) }
      for prefix in subscribed.subtracting(wanted) {
        var prefix = prefix
        try prefix.withUTF8 { try socket.unsubscribe(UnsafeRawBufferPointer($0)) }
        sequences.forget(prefix)
      }
      subscribed = wanted
      for _ in 0..<1000 {
        guard try socket.receive(into: &message) else { break }
        guard let published = PublishedMessage(message) else { continue }
        // One that lay here when its subscription ended must not begin to be counted again.
        guard subscribed.contains(where: published.topic.hasPrefix) else { continue }
        let missed = sequences.missed(before: published)
        if missed > 0 { lostCount.withLock { $0 += missed } }
        for session in open { session.take(published, missed: missed) }
      }
      guard ContinuousClock.now >= next else { continue }
      next = .now + PageFeed.turn
      for session in open { session.flush() }
    }
    for session in sessions.withLock({ $0 }) { session.finish() }
  }
}

/// Counts the holes of each topic.
struct SequenceWatch {
  private var next: [String: UInt64] = [:]

  /// Messages of its topic that were lost between the last one and this.
  mutating func missed(before message: PublishedMessage) -> UInt64 {
    let expected = next[message.topic] ?? message.sequence
    next[message.topic] = message.sequence + 1
    // A lower number is a daemon that started again.
    return message.sequence > expected ? message.sequence - expected : 0
  }

  /// What comes while nobody subscribes is not lost.
  mutating func forget(_ prefix: String) {
    next = next.filter { !$0.key.hasPrefix(prefix) }
  }
}
