import Foundation
import Glibc
import Wire
import ZeroMQ

/// The loop of `top`: taps and keys in, lines out.
final class TopLoop {
  private let limit: Int?
  private let stopped: Signal
  private let socket: Socket<Subscribe>
  private var monitor: SocketMonitor
  private let endpoint: String
  private var message = Multipart()
  private var view = TopView()
  private var subscribed: Set<String> = []
  private var sequences = SequenceCounter()
  private var samples = 0
  private var heardSeconds = MonotonicClock.seconds

  init(
    endpoints: [(endpoint: String, keys: CurveClientKeys?)], limit: Int?, sort: String?,
    stopped: Signal
  ) throws {
    self.limit = limit
    self.stopped = stopped
    socket = try Socket<Subscribe>(try Context())
    try socket.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setLinger(.zero)
    monitor = try SocketMonitor(socket)
    endpoint = endpoints[0].endpoint
    for (endpoint, keys) in endpoints {
      if let keys { try socket.setCurveClient(keys) }
      try socket.connect(endpoint)
    }
    view.notice = "waiting for \(endpoint): nothing has come yet (q quits)"
    if let sort { _ = view.sortStages(by: sort) }
  }

  func run(_ output: (String) throws -> Void) throws {
    let terminal = Terminal()
    var poller = Poller()
    poller.add(socket)
    poller.add(stopped)
    let keys = terminal == nil ? nil : poller.add(descriptor: STDIN_FILENO)
    if terminal == nil { try output(TopView.plainHead + "\n") }
    while !view.isDone, !stopped.isRaised, samples < limit ?? .max {
      try subscribe()
      while let event = try monitor.next() {
        guard let trouble = HandshakeTrouble(event.kind), trouble.isFinal else { continue }
        throw Filter.Failure.notLetIn(endpoint: endpoint, reason: trouble.ownWords)
      }
      // A screen whose size changes is drawn anew within this time.
      _ = try poller.wait(timeout: .milliseconds(500))
      if let keys, poller.isReadable(keys) { terminal?.keys().forEach { view.press($0) } }
      try receive { if terminal == nil { try output($0) } }
      view.silentSeconds = MonotonicClock.seconds - heardSeconds
      if let terminal {
        let (columns, rows) = terminal.size
        terminal.show(view.lines(columns: columns, rows: rows))
      }
    }
  }

  private func subscribe() throws {
    for prefix in view.prefixes.subtracting(subscribed) { try socket.subscribe(prefix) }
    for prefix in subscribed.subtracting(view.prefixes) {
      let bytes = Array(prefix.utf8)
      try bytes.withUnsafeBytes { try socket.unsubscribe($0) }
      sequences.forget(topicsFrom: prefix)
    }
    subscribed = view.prefixes
  }

  private func receive(plain: (String) throws -> Void) throws {
    for _ in 0..<1000 {
      guard try socket.receive(into: &message) else { return }
      guard message.partCount >= 5 else { continue }
      let topic = message.string(0)
      _ = sequences.take(try TapNote(message.bytes(4)), on: topic)
      view.lost = sequences.lost
      let seconds = MonotonicClock.seconds
      heardSeconds = seconds
      let isNew = try view.take(topic: topic, json: Data(message.bytes(2)), seconds: seconds)
      guard isNew, topic.hasPrefix("tap/daemon/stats/") else { continue }
      samples += 1
      let time = Date.now.formatted(.iso8601)
      for line in view.plainLines(time: time) { try plain(line + "\n") }
      if samples >= limit ?? .max { return }
    }
  }
}
