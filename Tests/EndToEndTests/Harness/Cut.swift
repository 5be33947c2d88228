import Wire

/// One data message of a plan.
struct PlannedMessage {
  var stream: String
  var number: UInt64
  var data: InputData
  var flags: MessageFlags = []
}

/// Ways to send the same streams: cut into messages, mixed with others.
enum Cut {
  /// The whole stream in one message, with END.
  static func whole(_ data: InputData, of stream: String) -> [PlannedMessage] {
    [PlannedMessage(stream: stream, number: 0, data: data, flags: .end)]
  }

  /// The stream in messages of random sizes, some of them empty, the END with the last or alone.
  static func random(
    _ data: InputData, of stream: String, using generator: inout SeededGenerator
  ) -> [PlannedMessage] {
    var messages: [PlannedMessage] = []
    var from = 0
    let longest = Int.random(in: 1...max(1, data.count), using: &generator)
    while from < data.count {
      let to = min(data.count, from + Int.random(in: 0...longest, using: &generator))
      messages.append(PlannedMessage(stream: stream, number: UInt64(from), data: data[from..<to]))
      from = to
    }
    if let last = messages.indices.last, Bool.random(using: &generator) {
      messages[last].flags = .end
    } else {
      messages.append(
        PlannedMessage(
          stream: stream, number: UInt64(data.count), data: data[data.count..<data.count],
          flags: .end))
    }
    return messages
  }

  /// All plans mixed, each in its own order.
  static func interleaved(
    _ plans: [[PlannedMessage]], using generator: inout SeededGenerator
  ) -> [PlannedMessage] {
    var waiting = plans.filter { !$0.isEmpty }.map { $0[...] }
    var mixed: [PlannedMessage] = []
    while !waiting.isEmpty {
      let index = Int.random(in: waiting.indices, using: &generator)
      mixed.append(waiting[index].removeFirst())
      if waiting[index].isEmpty { waiting.remove(at: index) }
    }
    return mixed
  }
}

extension WireClient {
  /// Sends a plan within the credit, and collects the answers of every stream up to its last.
  func carryOut(_ plan: [PlannedMessage]) throws -> [String: [ReceivedMessage]] {
    if credit == 0 { try hello() }
    var answers: [String: [ReceivedMessage]] = [:]
    var open = Set(plan.map(\.stream))
    var waiting = plan[...]
    let deadline = Deadline.standard
    while !open.isEmpty {
      while let next = waiting.first, sent + UInt64(next.data.count) <= credit {
        try send(next.data, to: next.stream, number: next.number, flags: next.flags)
        waiting.removeFirst()
      }
      guard let message = try receiveAny(within: deadline.remaining) else {
        throw HarnessError.timedOut(waitingFor: "the end of \(open.sorted())", seen: "")
      }
      switch message.header.kind {
      case .answer:
        answers[message.stream, default: []].append(message)
        if message.isLast { open.remove(message.stream) }
      case .refuse: throw HarnessError.unexpected("\(message)")
      default: break
      }
    }
    return answers
  }
}
