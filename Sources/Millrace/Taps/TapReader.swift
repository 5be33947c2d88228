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
  /// Why the last handshake failed.
  private var trouble: HandshakeTrouble?
  /// When to say that nobody does; nil once that is said.
  private var complainsAt: UInt64?
  private var message = Multipart()
  /// Full topic -> the sequence that must come next.
  private var expected: [String: UInt64] = [:]
  private(set) var received: UInt64 = 0
  private(set) var lost: UInt64 = 0

  /// How long nobody may be there before that is said.
  private static let patienceMilliseconds: UInt64 = 1000

  /// Subscribes to topics that begin with one of `prefixes`; an empty one is everything.
  ///
  /// Raising `stopped` ends `run`.
  init(
    endpoint: String, keys: CurveClientKeys?, prefixes: [String], stopped: Signal
  ) throws {
    self.endpoint = endpoint
    self.stopped = stopped
    socket = try Socket<Subscribe>(try Context())
    try socket.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setLinger(.zero)
    if let keys { try socket.setCurveClient(keys) }
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
        count(topic, say)
        try output(try line(topic))
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
  private func count(_ topic: String, _ say: (String) -> Void) {
    guard let sequence = sequence() else { return }
    // A lower number is a daemon that started again.
    if let next = expected[topic], sequence > next {
      lost += sequence - next
      say("\(topic): \(sequence - next) messages lost here, \(lost) in all")
    }
    expected[topic] = sequence + 1
  }

  private func sequence() -> UInt64? {
    var reader = JSONReader(message.bytes(4))
    var sequence: UInt64?
    do {
      try reader.object { (key, reader) throws(JSONError) in
        if key == "sequence" {
          sequence = try reader.unsignedInteger()
        } else {
          try reader.skip()
        }
      }
    } catch {
      return nil
    }
    return sequence
  }

  private func line(_ topic: String) throws -> [UInt8] {
    let header = try Header(bytes: message.bytes(1))
    var line = Array("{\"topic\":\(JSONText.quoted(topic)),\"number\":\(header.number)".utf8)
    line.append(contentsOf: ",\"sequence\":\(sequence() ?? 0)".utf8)
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
