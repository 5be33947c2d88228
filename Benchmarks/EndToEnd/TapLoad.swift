import Foundation
import Wire
import ZeroMQ

/// What subscribers cost the way of data: 20 to everything, 15 of which are stopped.
///
/// In each round the same pipeline is paced at 30 % of its rate, alone and with the subscribers; which
/// comes first alternates. Then it is paced beside as many subscribers of a publisher that has nothing to
/// do with it, which get as many messages: so much of the difference is what readers take of a machine
/// that they share. Afterwards the stopped ones go on, and for each topic of each subscriber
/// received + holes = last sequence - first + 1 is checked.
struct TapLoad {
  var streams = 32
  var stepsPerMessage = 8
  var rounds = 5
  var seconds = 2.0
  var subscribers = 20
  var stopped = 15
  var topic = ""

  struct Report: Encodable {
    var stepsPerSecond: Double
    /// Microseconds at 30 % of that, medians of the rounds.
    var p50Alone, p50Watched, p50Beside: Double
    var p99Alone, p99Watched, p99Beside: Double
    /// The medians of the rounds' ratios: to that alone, and to that beside others' subscribers.
    var p50Ratio, p50RatioToBeside: Double
    /// By each subscriber that was not stopped, while the pipeline was paced.
    var receivedPerSecond: Double
    var received, holes: UInt64
    /// Topics of subscribers whose messages and holes do not add up.
    var wrongTopics: Int
  }

  func run() async throws -> Report {
    let monitor = "ipc://\(FileManager.default.temporaryDirectory.path)/bench-taps-\(getpid())"
    return try await BenchPipeline.run(.lstm, over: "ipc", monitor: monitor) {
      context, endpoint in
      let client = try LoadClient(
        context, endpoint: endpoint, streams: streams, vocabulary: BenchModel.vocabulary)
      let rate = try client.saturate(
        stepsPerMessage: stepsPerMessage, window: max(2 * streams * stepsPerMessage, 1024),
        seconds: 2)
      return try measure(client, rate, monitor)
    }
  }

  private func measure(_ client: LoadClient, _ rate: Double, _ monitor: String) throws -> Report {
    var alone: [[Double]] = []
    var watched: [[Double]] = []
    var beside: [[Double]] = []
    var tallies: [TapTally] = []
    var received: [Double] = []
    for round in 0..<rounds {
      for isWatched in round % 2 == 0 ? [false, true] : [true, false] {
        if isWatched {
          let readers = try (0..<subscribers).map { _ in try TapReaderProcess(monitor, topic) }
          try wait(for: readers, sending: client)
          for reader in readers.prefix(stopped) { reader.signal(SIGSTOP) }
          watched.append(try pace(client, rate))
          for reader in readers.prefix(stopped) { reader.signal(SIGCONT) }
          let round = try finish(readers, sending: client)
          // What comes slowly at the beginning and the end is little beside it.
          received += round.suffix(subscribers - stopped).map {
            Double($0.topics.values.reduce(0) { $0 + $1.received }) / seconds
          }
          tallies += round
        } else {
          alone.append(try pace(client, rate))
        }
      }
      beside.append(try pace(client, rate, besideReadersOf: middle(received)))
    }
    func median(_ delays: [[Double]], _ share: Double) -> [Double] {
      delays.map { $0[min($0.count - 1, Int(Double($0.count) * share))] }
    }
    func ratio(to others: [[Double]]) -> Double {
      middle(zip(median(watched, 0.5), median(others, 0.5)).map { $0 / $1 })
    }
    return Report(
      stepsPerSecond: rate,
      p50Alone: middle(median(alone, 0.5)), p50Watched: middle(median(watched, 0.5)),
      p50Beside: middle(median(beside, 0.5)),
      p99Alone: middle(median(alone, 0.99)), p99Watched: middle(median(watched, 0.99)),
      p99Beside: middle(median(beside, 0.99)),
      p50Ratio: ratio(to: alone), p50RatioToBeside: ratio(to: beside),
      receivedPerSecond: middle(received),
      received: tallies.reduce(0) { $0 + $1.topics.values.reduce(0) { $0 + $1.received } },
      holes: tallies.reduce(0) { $0 + $1.topics.values.reduce(0) { $0 + $1.holes } },
      wrongTopics: wrongTopics(tallies))
  }

  private func pace(_ client: LoadClient, _ rate: Double) throws -> [Double] {
    let perSecond = 0.3 * rate / Double(stepsPerMessage)
    return try client.pace(
      stepsPerMessage: stepsPerMessage, messagesPerSecond: perSecond,
      messages: Int(perSecond * seconds))
  }

  /// The same beside subscribers of another publisher, as many of them stopped.
  private func pace(
    _ client: LoadClient, _ rate: Double, besideReadersOf messagesPerSecond: Double
  ) throws -> [Double] {
    let endpoint = "ipc://\(FileManager.default.temporaryDirectory.path)/bench-others-\(getpid())"
    let publisher = try BenchProcess([
      "--publish", endpoint, "--messages-per-second", "\(messagesPerSecond)",
    ])
    let readers = try (0..<subscribers).map { _ in try TapReaderProcess(endpoint, "") }
    let deadline = Clock.seconds + 20
    while try readers.contains(where: { try !$0.hasHeard() }) {
      guard Clock.seconds < deadline else { throw BenchError("a subscriber hears nothing") }
      usleep(10_000)
    }
    for reader in readers.prefix(stopped) { reader.signal(SIGSTOP) }
    let delays = try pace(client, rate)
    for reader in readers.prefix(stopped) { reader.signal(SIGCONT) }
    publisher.signal(SIGTERM)
    for reader in readers { reader.signal(SIGTERM) }
    for reader in readers { _ = try reader.tally() }
    return delays
  }

  private func middle(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  /// Sends until every subscriber has heard something.
  private func wait(for readers: [TapReaderProcess], sending client: LoadClient) throws {
    let deadline = Clock.seconds + 20
    while try readers.contains(where: { try !$0.hasHeard() }) {
      guard Clock.seconds < deadline else { throw BenchError("a subscriber hears nothing") }
      _ = try client.pace(
        stepsPerMessage: stepsPerMessage, messagesPerSecond: 200, messages: streams)
    }
  }

  /// Sends a few messages slowly, so that the last of every topic reaches every subscriber, and has
  /// them say what they counted.
  private func finish(_ readers: [TapReaderProcess], sending client: LoadClient) throws
    -> [TapTally]
  {
    // What is queued is read first.
    usleep(700_000)
    _ = try client.pace(
      stepsPerMessage: stepsPerMessage, messagesPerSecond: 100, messages: 2 * streams)
    usleep(300_000)
    for reader in readers { reader.signal(SIGTERM) }
    return try readers.map { try $0.tally() }
  }

  /// Those whose messages and holes do not add up, or which end elsewhere than for another subscriber.
  private func wrongTopics(_ tallies: [TapTally]) -> Int {
    var wrong = 0
    for begin in stride(from: 0, to: tallies.count, by: subscribers) {
      let round = tallies[begin..<begin + subscribers]
      var last: [String: UInt64] = [:]
      for tally in round {
        for (topic, count) in tally.topics where topic.hasPrefix("tap/inference/") {
          last[topic] = max(last[topic] ?? 0, count.last)
        }
      }
      for tally in round {
        for (topic, count) in tally.topics {
          let isWhole = count.received + count.holes == count.last - count.first + 1
          if !isWhole || count.last != last[topic] ?? count.last { wrong += 1 }
        }
      }
    }
    return wrong
  }
}

/// What a subscriber counted, by topic.
struct TapTally: Codable {
  struct Topic: Codable {
    var first: UInt64
    var last: UInt64
    var received: UInt64 = 0
    var holes: UInt64 = 0
  }

  var topics: [String: Topic] = [:]

  /// Subscribes to everything, says `heard` at the first message, and what it counted at SIGTERM.
  static func subscribe(to endpoint: String, topic: String) throws {
    giveWay()
    let stopped = try Signal()
    let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
    signal(SIGTERM, SIG_IGN)
    source.setEventHandler { stopped.raise() }
    source.resume()
    let socket = try Socket<Subscribe>(try Context())
    try socket.setReceiveHighWaterMark(1000)
    try socket.connect(endpoint)
    try socket.subscribe(topic)
    var poller = Poller()
    poller.add(socket)
    poller.add(stopped)
    var message = Multipart(capacity: 8)
    var tally = TapTally()
    func read(_ poller: inout Poller, patience: Duration) throws -> Int {
      _ = try poller.wait(timeout: patience)
      var count = 0
      while count < 1000, try socket.receive(into: &message) {
        count += 1
        if tally.topics.isEmpty { FileHandle.standardOutput.write(Data("heard\n".utf8)) }
        try tally.count(message.string(0), note: message.bytes(4))
      }
      return count
    }
    while !stopped.isRaised { _ = try read(&poller, patience: .milliseconds(500)) }
    // Nothing more is sent: what is queued is read to its end.
    var last = Poller()
    last.add(socket)
    while try read(&last, patience: .milliseconds(500)) > 0 {}
    FileHandle.standardOutput.write(try JSONEncoder().encode(tally))
  }

  /// On a machine of its own it would not take the daemon's processors (SCHED_IDLE, sched(7)).
  static func giveWay() {
    var parameters = sched_param()
    let idle: Int32 = 5
    if sched_setscheduler(0, idle, &parameters) != 0 { nice(19) }
  }

  private mutating func count(_ topic: String, note: UnsafeRawBufferPointer) throws {
    var reader = JSONReader(note)
    var found: UInt64?
    try reader.object { (key, reader) throws(JSONError) in
      if key == "sequence" { found = try reader.unsignedInteger() } else { try reader.skip() }
    }
    guard let sequence = found else { throw BenchError("no sequence on \(topic)") }
    var entry = topics[topic] ?? Topic(first: sequence, last: sequence)
    if entry.received > 0 {
      guard sequence > entry.last else { throw BenchError("\(topic) goes back to \(sequence)") }
      entry.holes += sequence - entry.last - 1
    }
    entry.received += 1
    entry.last = sequence
    topics[topic] = entry
  }
}

/// This program in a process of its own.
final class BenchProcess {
  fileprivate let process = Process()
  fileprivate let output = Pipe()

  init(_ arguments: [String]) throws {
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    process.standardOutput = output
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  func signal(_ signal: Int32) { kill(process.processIdentifier, signal) }
}

/// A subscriber in a process of its own.
final class TapReaderProcess {
  private let child: BenchProcess
  private var isHeard = false

  init(_ endpoint: String, _ topic: String) throws {
    child = try BenchProcess(["--subscribe", endpoint, "--topic", topic])
  }

  func signal(_ signal: Int32) { child.signal(signal) }

  func hasHeard() throws -> Bool {
    if isHeard { return true }
    let output = child.output
    var item = pollfd(
      fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&item, 1, 0) == 1 else { return false }
    isHeard = try output.fileHandleForReading.read(upToCount: 6) == Data("heard\n".utf8)
    return isHeard
  }

  func tally() throws -> TapTally {
    let data = try child.output.fileHandleForReading.readToEnd() ?? Data()
    child.process.waitUntilExit()
    return try JSONDecoder().decode(TapTally.self, from: data)
  }
}
