import Foundation
import Wire
import ZeroMQ

/// `millrace tap`: subscribes to taps or to published output, prints what comes, counts what was
/// lost.
package final class TapReader {
  private let socket: Socket<Subscribe>
  private var message = Multipart()
  /// Full topic -> the sequence that must come next.
  private var expected: [String: UInt64] = [:]
  package private(set) var received: UInt64 = 0
  package private(set) var lost: UInt64 = 0

  /// Subscribes to topics that begin with one of `prefixes`; an empty one is everything.
  package init(endpoint: String, prefixes: [String]) throws {
    socket = try Socket<Subscribe>(try Context())
    try socket.setReceiveHighWaterMark(Limits.subscriberQueueMessages)
    try socket.setLinger(.zero)
    try socket.connect(endpoint)
    for prefix in prefixes { try socket.subscribe(prefix) }
  }

  /// Prints messages as JSON lines until `limit` have come; waits for ever without one.
  ///
  /// `output` gets each line with its newline; `loss` is called when a hole is found, with the
  /// topic, how many messages it is, and the total.
  package func run(
    limit: UInt64?, output: ([UInt8]) throws -> Void,
    loss: (_ topic: String, _ count: UInt64, _ total: UInt64) -> Void
  ) throws {
    var poller = Poller()
    poller.add(socket)
    while received < limit ?? .max {
      _ = try poller.wait(timeout: nil)
      while received < limit ?? .max, try socket.receive(into: &message) {
        guard message.partCount >= 5 else { continue }
        received += 1
        let topic = message.string(0)
        count(topic, loss)
        try output(try line(topic))
      }
    }
  }

  /// Compares the note's sequence with the last one of the topic.
  private func count(_ topic: String, _ loss: (String, UInt64, UInt64) -> Void) {
    guard let sequence = sequence() else { return }
    // A lower number is a daemon that started again.
    if let next = expected[topic], sequence > next {
      lost += sequence - next
      loss(topic, sequence - next, lost)
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
