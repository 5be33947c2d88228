import Foundation
import ZeroMQ

/// A client of a control socket that sends what the test says.
final class ControlPeer {
  struct Reply {
    let json: [String: Any]
    let text: String
    let attachment: [UInt8]?

    var isDone: Bool { json["ok"] as? Bool ?? false }
    var code: String { json["code"] as? String ?? "" }
    var message: String { json["message"] as? String ?? "" }

    func number(_ key: String) -> UInt64? { (json[key] as? NSNumber)?.uint64Value }
    func text(_ key: String) -> String? { json[key] as? String }
  }

  private let socket: Socket<Dealer>
  private var message = Multipart(capacity: 4)

  init(_ endpoint: String, keys: CurveClientKeys? = nil) throws {
    socket = try Socket<Dealer>(try Context())
    try socket.setLinger(.zero)
    if let keys { try socket.setCurveClient(keys) }
    try socket.connect(endpoint)
  }

  func send(_ parts: [[UInt8]]) throws {
    for (index, part) in parts.enumerated() {
      _ = try part.withUnsafeBytes { try socket.send($0, more: index + 1 < parts.count) }
    }
  }

  /// The next reply.
  func receive(_ deadline: Deadline = .standard) throws -> Reply {
    var poller = Poller()
    poller.add(socket)
    while true {
      if try socket.receive(into: &message) {
        let first = message.bytes(0).isEmpty ? 1 : 0
        let text = message.string(first)
        guard let json = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        else { throw HarnessError.unexpected("no reply: \(text)") }
        return Reply(
          json: json, text: text,
          attachment: message.partCount > first + 1 ? Array(message.bytes(first + 1)) : nil)
      }
      guard !deadline.hasPassed else {
        throw HarnessError.timedOut(waitingFor: "a reply of the control socket", seen: "")
      }
      _ = try poller.wait(timeout: deadline.remaining)
    }
  }

  /// Asks, and waits for the first reply.
  @discardableResult
  func ask(_ json: String, file: [UInt8]? = nil) throws -> Reply {
    try send([Array(json.utf8)] + (file.map { [$0] } ?? []))
    return try receive()
  }

  /// Asks for what has to be done.
  @discardableResult
  func done(_ json: String, file: [UInt8]? = nil) throws -> Reply {
    let reply = try ask(json, file: file)
    guard reply.isDone else { throw HarnessError.unexpected("\(json): \(reply.text)") }
    return reply
  }
}

extension RunningPipeline {
  /// A client of its control socket, at the default endpoint.
  func control(keys: CurveClientKeys? = nil) throws -> ControlPeer {
    try ControlPeer("\(ingress).control", keys: keys)
  }
}
