import Wire
import ZeroMQ

/// Joins the taps of all stages of a process to the endpoint that subscribers know, and to the page.
///
/// Stages connect their XPUB sockets to an inproc SUB; what is subscribed to outside is subscribed
/// to inside, so that a stage knows what it has to compute.
package struct TapRelay: Stage {
  let inside: String
  let outside: [String]

  package var name: String { "taps" }

  package func run(_ control: StageControl) throws {
    let stages = try Socket<Subscribe>(control.context)
    let subscribers = try Socket<ExtendedPublish>(control.context)
    try stages.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try stages.bind(inside)
    for endpoint in outside { try Endpoint.makeFolder(for: endpoint) }
    try subscribers.setSendHighWaterMark(Limits.subscriberQueueMessages)
    try subscribers.setMaximumMessageBytes(Int64(StreamID.maximumBytes) * 4)
    try subscribers.setLinger(.zero)
    for endpoint in outside { try subscribers.bind(endpoint) }
    var poller = Poller()
    poller.add(stages)
    poller.add(subscribers)
    poller.add(control.stop)
    control.ready()
    var message = Multipart()
    while !control.stop.isRaised {
      _ = try poller.wait(timeout: .milliseconds(500))
      for _ in 0..<Limits.drainMessages {
        guard try subscribers.receive(into: &message) else { break }
        let bytes = message.bytes(0)
        let prefix = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        switch bytes.first {
        case 1: try stages.subscribe(prefix)
        case 0: try stages.unsubscribe(prefix)
        default: break  // not a subscription: nothing else is taken from a subscriber
        }
      }
      for _ in 0..<Limits.drainMessages {
        guard try stages.receive(into: &message) else { break }
        for part in 0..<message.partCount {
          _ = try subscribers.send(message.bytes(part), more: part + 1 < message.partCount)
        }
      }
    }
  }
}
