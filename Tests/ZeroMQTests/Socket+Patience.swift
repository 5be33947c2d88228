import ZeroMQ

/// What a test waited for in vain.
struct NothingCame: Error, CustomStringConvertible {
  let awaited: String
  var description: String { "nothing came within \(patience): \(awaited)" }
}

/// Generous, since a loaded machine is no failure.
let patience = Duration.seconds(20)

extension Socket where Kind: Receives {
  /// The next message's parts, waited for.
  func nextParts() throws -> [[UInt8]] {
    var message = Multipart(capacity: 16)
    try receiveWaiting(into: &message)
    return (0..<message.partCount).map { Array(message.bytes($0)) }
  }

  func nextStrings() throws -> [String] {
    try nextParts().map { String(decoding: $0, as: UTF8.self) }
  }

  func receiveWaiting(into message: inout Multipart) throws {
    var poller = Poller()
    poller.add(self)
    let end = ContinuousClock.now + patience
    while try !receive(into: &message) {
      guard ContinuousClock.now < end else { throw NothingCame(awaited: "a message") }
      _ = try poller.wait(timeout: end - .now)
    }
  }
}

extension Socket where Kind: Sends {
  /// Sends one message without waiting; how each part ended.
  @discardableResult
  func send(parts: [[UInt8]]) throws -> [SendOutcome] {
    try parts.indices.map { index in
      try parts[index].withUnsafeBytes { try send($0, more: index + 1 < parts.count) }
    }
  }

  @discardableResult
  func send(strings: String...) throws -> [SendOutcome] {
    try send(parts: strings.map { Array($0.utf8) })
  }
}

extension SocketMonitor {
  /// Reads events until one satisfies `isAwaited`; returns all that it read.
  mutating func events(
    until awaited: String, _ isAwaited: (SocketEvent) -> Bool
  ) throws -> [SocketEvent] {
    var poller = Poller()
    poller.add(self)
    var seen: [SocketEvent] = []
    let end = ContinuousClock.now + patience
    while true {
      while let event = try next() {
        seen.append(event)
        if isAwaited(event) { return seen }
      }
      guard ContinuousClock.now < end else {
        throw NothingCame(awaited: "\(awaited), only \(seen)")
      }
      _ = try poller.wait(timeout: end - .now)
    }
  }
}
