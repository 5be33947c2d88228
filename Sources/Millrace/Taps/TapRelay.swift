import Wire
import ZeroMQ

/// Publishes the taps of all stages of a process, at the endpoint that subscribers know and to the page.
///
/// What is subscribed to outside is subscribed to inside, so that a stage knows what it has to make.
/// The thread and libzmq's threads behind the endpoint stand back behind those that serve streams, and take
/// no more of a processor than `PublishingBudget` allows: what does not fit stays in the stages' queues,
/// which have an end.
package struct TapRelay: Stage {
  let feed: TapFeed
  let outside: String?
  /// Where the daemon's own page subscribes, inside the process.
  let page: String?
  /// Prefixes that may be subscribed to.
  let subscriptions: Int

  package var name: String { "taps" }

  package func run(_ control: StageControl) throws {
    if !ThreadScheduling.stepBack() {
      control.logger.notice("taps are published at the priority of everything else")
    }
    guard let outside else { return try TapRelayLoop(self, control, outside: nil).run() }
    // Its threads begin with the first socket, at this thread's priority; those of the shared one carry
    // the streams.
    let context = try Context()
    // Without it encrypted sockets would be open.
    let authenticator = try Authenticator(context, decide: control.guarding.decide)
    defer { authenticator.stop() }
    try TapRelayLoop(self, control, outside: (context, outside)).run()
  }
}

private final class TapRelayLoop {
  private let feed: TapFeed
  private let control: StageControl
  private let bell: Signal
  /// Tells the stages what is wanted, and brings kept lines (`HistoryStage`).
  private let stages: Socket<Subscribe>
  private let subscribers: [Subscribers]
  private var message = Multipart()
  private var budget = PublishingBudget()
  private let wait: RunQueueWait?
  private var lookedAt: (nanoseconds: UInt64, ran: UInt64, waited: UInt64) = (0, 0, 0)

  /// How long messages gather while some come.
  private static let pause = Duration.milliseconds(1)
  /// How often the budget is fitted to what others need.
  private static let lookNanoseconds: UInt64 = 20_000_000
  /// Messages of a queue between two looks at the clock.
  private static let messagesALook = 8
  /// Messages of a turn: a quarter of what libzmq keeps for a subscriber, so that its thread has several
  /// turns to send them.
  private static let messagesATurn = Limits.subscriberQueueMessages / 4

  init(
    _ relay: TapRelay, _ control: StageControl, outside: (context: Context, endpoint: String)?
  ) throws {
    feed = relay.feed
    self.control = control
    bell = try Signal()
    feed.wake(by: bell)
    stages = try Socket<Subscribe>(control.context)
    try stages.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try stages.bind(feed.endpoint)
    let endpoints = [outside, relay.page.map { (control.context, $0) }].compactMap(\.self)
    subscribers = try endpoints.map {
      try Subscribers(
        control, context: $0.context, use: .monitor, endpoints: [$0.endpoint], linger: .zero,
        subscriptions: relay.subscriptions)
    }
    wait = RunQueueWait()
  }

  func run() throws {
    var poller = Poller()
    let keptLines = poller.add(stages)
    let items = subscribers.map { $0.add(to: &poller) }
    poller.add(bell)
    poller.add(control.stop)
    control.ready()
    var isFlowing = false
    while !control.stop.isRaised {
      let queues = feed.queues
      isFlowing = isFlowing || !feed.fallAsleep(over: queues)
      _ = try poller.wait(timeout: isFlowing ? TapRelayLoop.pause : .milliseconds(500))
      bell.lower()
      for (one, items) in zip(subscribers, items)
      where items.contains(where: { poller.isReadable($0) }) {
        try readSubscriptions(of: one)
      }
      if poller.isReadable(keptLines) { try passOnKeptLines() }
      isFlowing = try publish(queues)
    }
  }

  private func readSubscriptions(of one: Subscribers) throws {
    // libzmq counts who subscribes to the same at several endpoints.
    try one.read(limit: Limits.drainMessages) { prefix, isWanted in
      if isWanted { try stages.subscribe(prefix) } else { try stages.unsubscribe(prefix) }
    }
  }

  private func passOnKeptLines() throws {
    for _ in 0..<Limits.drainMessages {
      guard try stages.receive(into: &message) else { break }
      for one in subscribers {
        for part in 0..<message.partCount {
          _ = try one.socket.send(message.bytes(part), more: part + 1 < message.partCount)
        }
      }
    }
  }

  /// Publishes what the stages have put into their queues, as far as the budget goes.
  ///
  /// - Returns: whether there was something.
  private func publish(_ queues: [TapQueue]) throws -> Bool {
    budget.refill(at: MonotonicClock.nanoseconds)
    var began = ThreadScheduling.nanoseconds
    let connections = subscribers.reduce(0) { $0 + $1.connectionCount }
    var count = 0
    var isAnyLeft = true
    while isAnyLeft, !budget.isSpent, count < TapRelayLoop.messagesATurn {
      isAnyLeft = false
      // In turn, so that one stage leaves something to the others.
      for queue in queues {
        for _ in 0..<TapRelayLoop.messagesALook {
          guard try queue.take({ try send(TapRecord($0)) }) else { break }
          isAnyLeft = true
          count += 1
        }
      }
      let now = ThreadScheduling.nanoseconds
      budget.spend(nanoseconds: now - began, subscribers: connections)
      began = now
    }
    if count > 0 { fitBudget() }
    return isAnyLeft || count > 0
  }

  private func send(_ record: TapRecord) throws {
    for one in subscribers { try record.send(on: one.socket) }
  }

  private func fitBudget() {
    let now = MonotonicClock.nanoseconds
    guard now - lookedAt.nanoseconds >= TapRelayLoop.lookNanoseconds, let wait = wait?.read()
    else { return }
    budget.adapt(ran: wait.ran - lookedAt.ran, waited: wait.waited - lookedAt.waited)
    lookedAt = (now, wait.ran, wait.waited)
  }
}
