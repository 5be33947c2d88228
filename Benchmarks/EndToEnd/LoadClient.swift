import Glibc
import Wire
import ZeroMQ

/// Clients that do as little as they can: token ids in, answers counted and timed.
///
/// They are one thread. A connection may have 1,024 steps under way, so that one alone keeps only so
/// many streams busy.
final class LoadClient {
  private final class Connection {
    let socket: Socket<Dealer>
    var credit: UInt64 = 0
    var sent: UInt64 = 0

    init(_ context: Context, _ endpoint: String) throws {
      socket = try Socket<Dealer>(context)
      try socket.setSendHighWaterMark(0)
      try socket.setReceiveHighWaterMark(0)
      try socket.setLinger(.zero)
      try socket.connect(endpoint)
    }

    func hasCredit(_ steps: Int) -> Bool { sent + UInt64(steps) <= credit }
  }
  private var connections: [Connection] = []
  private var message = Multipart()
  private let names: [[UInt8]]
  private var numbers: [UInt64]
  private var tokens: [Int32] = []
  private var sent: UInt64 = 0
  private var poller = Poller()
  private var random: UInt64 = 1

  init(
    _ context: Context, endpoint: String, streams: Int, vocabulary: Int, prefix: String = "s",
    connections count: Int = 1
  ) throws {
    names = (0..<streams).map { Array("\(prefix)\($0)".utf8) }
    numbers = [UInt64](repeating: 0, count: streams)
    for _ in 0..<min(count, streams) {
      let connection = try Connection(context, endpoint)
      poller.add(connection.socket)
      connections.append(connection)
    }
    for _ in 0..<4096 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      tokens.append(Int32((random >> 33) % UInt64(vocabulary)))
    }
    var hello = Header(kind: .hello)
    hello.elementType = .json
    hello.count = 1
    hello.width = 2
    for connection in connections {
      try Array("{}".utf8).withUnsafeBytes {
        try Self.send(
          hello, name: UnsafeRawBufferPointer(start: nil, count: 0), payload: $0,
          by: connection.socket)
      }
    }
    while connections.contains(where: { $0.credit == 0 }) {
      _ = try poller.wait(timeout: .milliseconds(1000))
      _ = try drain { _ in }
    }
  }

  private static func send(
    _ header: Header, name: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
    by socket: borrowing Socket<Dealer>
  ) throws {
    try socket.sendWaiting(name, more: true)
    try withUnsafeTemporaryAllocation(byteCount: Header.byteCount, alignment: 8) { buffer in
      header.encode(into: buffer)
      try socket.sendWaiting(UnsafeRawBufferPointer(buffer), more: true)
    }
    try socket.sendWaiting(payload, more: false)
  }

  /// Sends the next `steps` steps of a stream; `time` comes back in the answer.
  private func send(stream: Int, steps: Int, time: Int64) throws {
    var header = Header(kind: .data)
    header.elementType = .int32
    header.width = 1
    header.count = UInt32(steps)
    header.number = numbers[stream]
    header.time = UInt64(time)
    if numbers[stream] == 0 { header.flags.insert(.start) }
    numbers[stream] += UInt64(steps)
    sent += UInt64(steps)
    let connection = stream % connections.count
    connections[connection].sent += UInt64(steps)
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let from = Int((random >> 33) % UInt64(tokens.count - steps))
    try names[stream].withUnsafeBytes { name in
      try tokens.withUnsafeBytes { bytes in
        let payload = UnsafeRawBufferPointer(rebasing: bytes[from * 4..<(from + steps) * 4])
        try Self.send(
          header, name: name, payload: payload, by: connections[connection].socket)
      }
    }
  }

  /// Whether the connection of a stream may take a message.
  private func hasCredit(_ stream: Int, _ steps: Int) -> Bool {
    connections[stream % connections.count].hasCredit(steps)
  }

  /// Reads what is there; `answer` gets each answer's header.
  private func drain(_ answer: (Header) -> Void) throws -> Int {
    var count = 0
    for index in connections.indices {
      while try connections[index].socket.receive(into: &message) {
        count += 1
        let header = try Header(bytes: message.bytes(1))
        switch header.kind {
        case .answer: answer(header)
        case .welcome: connections[index].credit = try Welcome(payload: message.bytes(2)).credit
        case .credit: try raiseCredit(index)
        case .acknowledge where !message.bytes(2).isEmpty: try raiseCredit(index)
        case .refuse: throw BenchError("refused: \(try Refusal(payload: message.bytes(2)).message)")
        default: break
        }
      }
    }
    return count
  }

  private func raiseCredit(_ index: Int) throws {
    let total = try Credit(payload: message.bytes(2)).total
    connections[index].credit = max(connections[index].credit, total)
  }

  /// Keeps at most `window` steps under way until the time is over; steps a second.
  func saturate(stepsPerMessage: Int, window: Int, seconds: Double) throws -> Double {
    var answered: UInt64 = 0
    let before = sent
    var stream = 0
    let began = Clock.seconds
    var warm: (time: Double, answered: UInt64)?
    var now = began
    while now - began < seconds {
      while sent - before - answered + UInt64(stepsPerMessage) <= UInt64(window),
        hasCredit(stream, stepsPerMessage)
      {
        try send(stream: stream, steps: stepsPerMessage, time: 0)
        stream = (stream + 1) % names.count
      }
      _ = try poller.wait(timeout: .milliseconds(100))
      var more: UInt64 = 0
      _ = try drain { more += UInt64($0.count) }
      answered += more
      now = Clock.seconds
      if warm == nil, now - began > seconds / 5 { warm = (now, answered) }
    }
    let counted = answered
    while answered < sent - before {
      _ = try poller.wait(timeout: .milliseconds(1000))
      var more: UInt64 = 0
      guard try drain({ more += UInt64($0.count) }) > 0 else { throw BenchError("answers missing") }
      answered += more
    }
    guard let warm else { throw BenchError("too short a run") }
    return Double(counted - warm.answered) / (now - warm.time)
  }

  /// Sends messages at a fixed rate, whatever comes back, and times each from the moment it was due:
  /// waiting counts.
  ///
  /// With `spins` it looks all the time, which takes a processor of its own; otherwise it may see a moment
  /// 0.1 ms late.
  ///
  /// - Returns: microseconds from due to answered, sorted.
  func pace(
    stepsPerMessage: Int, messagesPerSecond: Double, messages: Int, spins: Bool = true
  ) throws -> [Double] {
    var delays: [Double] = []
    delays.reserveCapacity(messages)
    let began = Clock.nanoseconds
    var next = 0
    while delays.count < messages {
      let now = Clock.nanoseconds
      while next < messages {
        let due = began + Int64(Double(next) * 1e9 / messagesPerSecond)
        guard due <= now, hasCredit(next % names.count, stepsPerMessage) else { break }
        try send(stream: next % names.count, steps: stepsPerMessage, time: due)
        next += 1
      }
      let until = began + Int64(Double(next) * 1e9 / messagesPerSecond)
      // Sleeping for less than a millisecond is what zmq_poll cannot do: it polls instead.
      let left = next < messages ? until - Clock.nanoseconds : 1_000_000_000
      _ = try poller.wait(
        timeout: left > 2_000_000 ? .milliseconds(Int(left / 1_000_000) - 1) : .zero)
      _ = try drain { delays.append(Double(Clock.nanoseconds - Int64($0.time)) / 1000) }
      guard left <= 2_000_000 else { continue }
      if spins { sched_yield() } else { usleep(50) }
    }
    return delays.sorted()
  }
}

struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

enum Clock {
  static var nanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
  static var seconds: Double { Double(nanoseconds) / 1e9 }
}
