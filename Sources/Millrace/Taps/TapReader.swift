import Foundation
import Wire
import ZeroMQ

/// `millrace tap`: subscribes to taps or to published output, prints what comes, counts what was
/// lost.
final class TapReader {
  private let endpoint: String
  private let stopped: Signal
  private let socket: Socket<Subscribe>
  private var monitor: SocketMonitor
  /// Whether somebody serves the endpoint.
  private var isConnected = false
  /// When to say that nobody does; nil once that is said.
  private var complainsAt: UInt64?
  private var message = Multipart()
  private var sequences = SequenceCounter()
  private(set) var received: UInt64 = 0
  var lost: UInt64 { sequences.lost }

  /// How long nobody may be there before that is said.
  private static let patienceMilliseconds: UInt64 = 1000

  /// Subscribes to topics that begin with one of `prefixes`; an empty one is everything.
  ///
  /// Raising `stopped` ends `run`.
  init(endpoint: String, prefixes: [String], stopped: Signal) throws {
    self.endpoint = endpoint
    self.stopped = stopped
    socket = try Socket<Subscribe>(try Context())
    try socket.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setLinger(.zero)
    monitor = try SocketMonitor(socket)
    complainsAt = MonotonicClock.milliseconds + TapReader.patienceMilliseconds
    try socket.connect(endpoint)
    for prefix in prefixes { try socket.subscribe(prefix) }
  }

  /// Prints messages as JSON lines until `limit` have come or it is stopped.
  ///
  /// `output` gets each line with its newline; `say` what else there is to know: that nobody is
  /// there, and what was lost.
  func run(
    limit: UInt64?, output: ([UInt8]) throws -> Void, say: (String) -> Void
  ) throws {
    var poller = Poller()
    poller.add(socket)
    poller.add(monitor)
    poller.add(stopped)
    while received < limit ?? .max, !stopped.isRaised {
      let patience = complainsAt.map { $0 - min($0, MonotonicClock.milliseconds) }
      _ = try poller.wait(timeout: patience.map { .milliseconds($0) })
      try watchConnection(say)
      while received < limit ?? .max, try socket.receive(into: &message) {
        guard message.partCount >= 5 else { continue }
        received += 1
        let topic = message.string(0)
        let note = try TapNote(message.bytes(4))
        count(topic, note, say)
        try output(try line(topic, note))
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
      case .disconnected where isConnected:
        isConnected = false
        say("\(endpoint) has gone; waiting for it")
      default: break
      }
    }
    guard let due = complainsAt, MonotonicClock.milliseconds >= due else { return }
    complainsAt = nil
    say("waiting for \(endpoint): nobody serves it yet")
  }

  /// Compares the note's sequence with the last one of the topic.
  private func count(_ topic: String, _ note: TapNote, _ say: (String) -> Void) {
    if case .hole(let count) = sequences.take(note, on: topic) {
      say("\(topic): \(count) messages lost here, \(lost) in all")
    }
  }

  private func line(_ topic: String, _ note: TapNote) throws -> [UInt8] {
    let header = try Header(bytes: message.bytes(1))
    var line = Array("{\"topic\":\(JSONText.quoted(topic)),\"number\":\(header.number)".utf8)
    line.append(contentsOf: ",\"sequence\":\(note.sequence)".utf8)
    let payload = message.bytes(2)
    switch header.elementType {
    case .json:
      line.append(contentsOf: ",\"value\":".utf8)
      line.append(contentsOf: payload.last == 0x0a ? Array(payload.dropLast()) : Array(payload))
    case .int32:
      let ids = [Int32](copying: payload)
      line.append(contentsOf: ",\"tokens\":[\(ids.map(String.init).joined(separator: ","))]".utf8)
    case .float32:
      let width = max(1, Int(header.width))
      let values = [Float](copying: payload)
      line.append(contentsOf: ",\"values\":[".utf8)
      for (index, value) in values.enumerated() {
        line.append(contentsOf: index == 0 ? "[".utf8 : index % width == 0 ? "],[".utf8 : ",".utf8)
        JSONText.append(value, to: &line)
      }
      line.append(contentsOf: values.isEmpty ? "]".utf8 : "]]".utf8)
    case .text, .none, .uint8: break
    }
    line.append(contentsOf: "}\n".utf8)
    return line
  }
}
