import Wire
import ZeroMQ

/// Joins the taps of all stages of a process to the endpoint that subscribers know, and to the page.
///
/// Stages connect their XPUB sockets to an inproc SUB; what is subscribed to outside is subscribed
/// to inside, so that a stage knows what it has to compute.
package struct TapRelay: Stage {
  let inside: String
  let outside: [String]
  /// Prefixes that may be subscribed to.
  let subscriptions: Int

  package var name: String { "taps" }

  package func run(_ control: StageControl) throws {
    let stages = try Socket<Subscribe>(control.context)
    try stages.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try stages.bind(inside)
    let subscribers = try Subscribers(
      control, use: .monitor, endpoints: outside, linger: .zero, subscriptions: subscriptions)
    var poller = Poller()
    poller.add(stages)
    poller.add(subscribers.socket)
    poller.add(control.stop)
    control.ready()
    var message = Multipart()
    while !control.stop.isRaised {
      _ = try poller.wait(timeout: .milliseconds(500))
      try subscribers.read(limit: Limits.drainMessages) { prefix, isWanted in
        if isWanted { try stages.subscribe(prefix) } else { try stages.unsubscribe(prefix) }
      }
      for _ in 0..<Limits.drainMessages {
        guard try stages.receive(into: &message) else { break }
        for part in 0..<message.partCount {
          _ = try subscribers.socket.send(
            message.bytes(part), more: part + 1 < message.partCount)
        }
      }
    }
  }
}
