import Foundation
import Wire
import ZeroMQ

/// The inference worker of a tokenizer stage, whose every word the test says.
///
/// It answers greetings and pings by itself, with all the credit there is.
final class PlayedWorker {
  /// What stages tell each other about models, as JSON.
  struct ModelWords: Codable {
    struct Record: Codable {
      var generation: UInt64
      var policy: String
      var path: String
      var hash: String
      var isReleased: Bool
    }

    struct StateForm: Codable {
      struct Row: Codable {
        var name: String
        var width: Int
      }

      var count: Int
      var text: String
      var rows: [Row]

      /// A layer with rows of so many numbers.
      init(_ layer: String, _ rows: [String], width: Int) {
        count = rows.count * width
        text = rows.map { "\(layer) \($0) \(width)" }.joined(separator: ", ")
        self.rows = rows.enumerated().map {
          Row(name: "state/\($0)/\(layer)/\($1)", width: width)
        }
      }
    }

    var verb: String
    var models: [Record] = []
    var attempt: UInt64 = 0
    var generation: UInt64?
    var stateForm: StateForm?
  }

  private let socket: Socket<Router>
  private var message = Multipart(capacity: 8)
  /// The newest connection.
  private var peer: [UInt8] = []
  private var pings = 0

  init(_ endpoint: String) throws {
    socket = try Socket<Router>(try Context())
    try socket.setLinger(.zero)
    try socket.bind(endpoint)
  }

  /// The next message but greetings and pings.
  func receive(_ event: String) throws -> ReceivedMessage {
    let deadline = Deadline.standard
    var poller = Poller()
    poller.add(socket)
    while true {
      guard try socket.receive(into: &message) else {
        guard !deadline.hasPassed else {
          throw HarnessError.timedOut(waitingFor: event, seen: "")
        }
        _ = try poller.wait(timeout: deadline.remaining)
        continue
      }
      let parts = (0..<message.partCount).map { Array(message.bytes($0)) }
      let received = try ReceivedMessage(parts: Array(parts.dropFirst()))
      switch received.header.kind {
      case .hello:
        peer = parts[0]
        let welcome = Welcome(
          streams: [:], credit: 1 << 40, maximumBytes: 1 << 20, model: "sha256:0")
        try send(.welcome, welcome.bytes, number: received.header.number)
      case .ping: try send(.pong, received.payload)
      default: return received
      }
    }
  }

  /// The next words about models with this verb; others are passed over.
  func words(_ verb: String) throws -> ModelWords {
    while true {
      let received = try receive("\(verb) of models")
      guard received.header.kind == .models else { continue }
      let words = try JSONDecoder().decode(ModelWords.self, from: Data(received.payload))
      if words.verb == verb { return words }
    }
  }

  /// Says something about models; returns when it has been heard.
  func tell(_ words: ModelWords) throws {
    try send(.models, Array(JSONEncoder().encode(words)))
    pings += 1
    let mark = Array("{\"ping\":\(pings)}".utf8)
    try send(.ping, mark)
    while true {
      let received = try receive("pong")
      if received.header.kind == .pong, received.payload == mark { return }
    }
  }

  private func send(_ kind: MessageKind, _ json: [UInt8], number: UInt64 = 0) throws {
    var header = Header(kind: kind)
    header.number = number
    header.elementType = .json
    header.count = 1
    header.width = UInt32(json.count)
    for (index, part) in [peer, [], header.bytes, json].enumerated() {
      _ = try part.withUnsafeBytes { try socket.send($0, more: index < 3) }
    }
  }
}
