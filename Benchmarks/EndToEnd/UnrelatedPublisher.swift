import Foundation
import Wire
import ZeroMQ

/// Publishes messages like those of a tap from a process that has nothing to do with the daemon: what
/// its readers take of the machine, they would take beside any daemon.
enum UnrelatedPublisher {
  /// Publishes so many messages a second, evenly over 32 topics, until SIGTERM.
  static func publish(at endpoint: String, messagesPerSecond: Double) throws {
    TapTally.giveWay()
    let stopped = try Signal()
    let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
    signal(SIGTERM, SIG_IGN)
    source.setEventHandler { stopped.raise() }
    source.resume()
    let socket = try Socket<ExtendedPublish>(try Context())
    try socket.setSendHighWaterMark(1000)
    try socket.setLinger(.zero)
    try socket.bind(endpoint)
    var poller = Poller()
    poller.add(stopped)
    // As long as an output line of the benchmark's model.
    let payload = [UInt8](repeating: UInt8(ascii: "x"), count: 130)
    let header = Header(kind: .answer).bytes
    let began = Clock.seconds
    var sent = 0
    while !stopped.isRaised {
      _ = try poller.wait(timeout: .milliseconds(1))
      let due = Int((Clock.seconds - began) * messagesPerSecond)
      // What was missed while others had the processor is not caught up in one go.
      sent = max(sent, due - 500)
      while sent < due {
        _ = try socket.send("tap/sink/result/s\(sent % 32)/", more: true)
        for part in [header, payload, []] {
          _ = try part.withUnsafeBytes { try socket.send($0, more: true) }
        }
        _ = try socket.send("{\"sequence\":\(sent / 32)}", more: false)
        sent += 1
      }
    }
  }
}
