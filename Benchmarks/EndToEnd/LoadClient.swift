import Glibc
import Wire
import ZeroMQ

/// A client that does as little as it can: token ids in, answers counted and timed.
final class LoadClient {
  private let socket: Socket<Dealer>
  private var message = Multipart()
  private let names: [[UInt8]]
  private var numbers: [UInt64]
  private var tokens: [Int32] = []
  private var credit: UInt64 = 0
  private var sent: UInt64 = 0
  private var poller = Poller()
  private var random: UInt64 = 1

  init(
    _ context: Context, endpoint: String, streams: Int, vocabulary: Int, prefix: String = "s"
  ) throws {
    names = (0..<streams).map { Array("\(prefix)\($0)".utf8) }
    numbers = [UInt64](repeating: 0, count: streams)
    socket = try Socket<Dealer>(context)
    try socket.setSendHighWaterMark(0)
    try socket.setReceiveHighWaterMark(0)
    try socket.setLinger(.zero)
    try socket.connect(endpoint)
    for _ in 0..<4096 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      tokens.append(Int32((random >> 33) % UInt64(vocabulary)))
    }
    poller.add(socket)
    var hello = Header(kind: .hello)
    hello.elementType = .json
    hello.count = 1
    hello.width = 2
    try send(hello, name: [], payload: Array("{}".utf8).withUnsafeBytes { Array($0) })
    while credit == 0 {
      _ = try poller.wait(timeout: .milliseconds(1000))
      _ = try drain { _ in }
    }
  }

  private func send(_ header: Header, name: [UInt8], payload: [UInt8]) throws {
    try name.withUnsafeBytes { name in
      try payload.withUnsafeBytes { try send(header, name: name, payload: $0) }
    }
  }

  private func send(
    _ header: Header, name: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer
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
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let from = Int((random >> 33) % UInt64(tokens.count - steps))
    try names[stream].withUnsafeBytes { name in
      try tokens.withUnsafeBytes { bytes in
        let payload = UnsafeRawBufferPointer(rebasing: bytes[from * 4..<(from + steps) * 4])
        try send(header, name: name, payload: payload)
      }
    }
  }

  /// Reads what is there; `answer` gets each answer's header.
  private func drain(_ answer: (Header) -> Void) throws -> Int {
    var count = 0
    while try socket.receive(into: &message) {
      count += 1
      let header = try Header(bytes: message.bytes(1))
      switch header.kind {
      case .answer: answer(header)
      case .welcome: credit = try Welcome(payload: message.bytes(2)).credit
      case .credit: credit = max(credit, try Credit(payload: message.bytes(2)).total)
      case .acknowledge where !message.bytes(2).isEmpty:
        credit = max(credit, try Credit(payload: message.bytes(2)).total)
      case .refuse: throw BenchError("refused: \(try Refusal(payload: message.bytes(2)).message)")
      default: break
      }
    }
    return count
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
        sent + UInt64(stepsPerMessage) <= credit
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
        guard due <= now, sent + UInt64(stepsPerMessage) <= credit else { break }
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
